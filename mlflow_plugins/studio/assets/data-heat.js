// Squares in colours: how strongly pairs of columns hang together, and which are missing together.
window.studioData = window.studioData || {};
{
  const SVG = "http://www.w3.org/2000/svg";
  const LABEL = 130;

  const make = (tag, attributes = {}, text = "") => {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text) element.textContent = text;
    return element;
  };
  const cut = (text) => text.length > 20 ? `${text.slice(0, 19)}…` : text;

  // Draws names.length × names.length squares; share is -1 to 1 for the colour, null for none.
  studioData.heatMap = ({ names, shareOf, titleOf, label }) => {
    const side = Math.max(9, Math.min(34, Math.floor(330 / names.length)));
    const size = LABEL + side * names.length;
    const svg = make("svg", { width: size, height: size, viewBox: `0 0 ${size} ${size}`, role: "img", class: "studio-heat" });
    svg.setAttribute("aria-label", label);
    const isLabelled = side >= 9;
    names.forEach((name, row) => {
      if (isLabelled) {
        const middle = LABEL + side * (row + .5);
        const left = make("text", { x: LABEL - 5, y: middle + 4, "text-anchor": "end" }, cut(name));
        left.append(make("title", {}, name));
        const top = make("text", { transform: `translate(${middle + 4} ${LABEL - 5}) rotate(-90)` }, cut(name));
        top.append(make("title", {}, name));
        svg.append(left, top);
      }
      names.forEach((other, column) => {
        const share = shareOf(row, column);
        const square = make("rect", { x: LABEL + side * column, y: LABEL + side * row, width: side - 1, height: side - 1,
          class: share === null ? "none" : share < 0 ? "negative" : "positive" });
        if (share !== null) square.style.setProperty("--share", `${Math.round(100 * Math.min(1, Math.abs(share)))}%`);
        square.append(make("title", {}, titleOf(row, column)));
        svg.append(square);
      });
    });
    return svg;
  };
}
