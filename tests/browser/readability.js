// What WCAG AA asks for, over everything that is seen on a page.

var parseColor = (text) => {
  const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
  return { r, g, b, a };
};

var over = (top, below) => ({
  r: top.r * top.a + below.r * (1 - top.a),
  g: top.g * top.a + below.g * (1 - top.a),
  b: top.b * top.a + below.b * (1 - top.a),
  a: 1,
});

var luminance = ({ r, g, b }) => {
  const [x, y, z] = [r, g, b].map((v) => {
    const part = v / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
};

// The colour behind a text: its own background over those of the elements around it.
var behind = (element) => {
  const layers = [];
  for (let e = element; e && !(layers.length && layers.at(-1).a === 1); e = e.parentElement) {
    const style = getComputedStyle(e);
    if (style.backgroundColor.startsWith("rgb")) layers.push(parseColor(style.backgroundColor));
    const stop = style.backgroundImage.match(/rgb[^)]*\)/);
    if (stop) layers.push(parseColor(stop[0]));
  }
  return layers.reduceRight((below, top) => over(top, below), { r: 255, g: 255, b: 255, a: 1 });
};

var contrast = (element) => {
  const below = behind(element);
  const color = over(parseColor(getComputedStyle(element).color), below);
  const [light, dark] = [luminance(color), luminance(below)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
};

// Texts with too little contrast: 4.5 to 1 is asked for, 3 to 1 where they are large.
var faint = () => {
  const hidden = "[disabled], .studio-hidden, .studio-skip, script, style, caption, footer";
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode.textContent.trim(), element = texts.currentNode.parentElement;
    if (!text || !element.checkVisibility() || element.closest(hidden)) continue;
    const style = getComputedStyle(element), size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const ratio = contrast(element);
    if (ratio < (isLarge ? 3 : 4.5)) found.push(`${text}: ${ratio.toFixed(2)}`);
  }
  return found;
};

// Controls that a screen reader has no name for.
var unnamed = () => [...document.querySelectorAll("button, a[href], input, select, textarea, iframe")]
  .filter((e) => e.checkVisibility() && e.type !== "hidden" && !e.closest('[aria-hidden="true"]'))
  .filter((e) => !(e.getAttribute("aria-label") || e.title || e.textContent.trim() ||
    e.labels?.length || e.getAttribute("aria-labelledby")))
  .map((e) => e.outerHTML.slice(0, 200));
