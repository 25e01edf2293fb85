// Draws <div class="studio-parallel" data-spec=…> (_charts.py) as parallel coordinates in SVG.
{
  const SVG = "http://www.w3.org/2000/svg";
  const HEIGHT = 320, TOP = 44, BOTTOM = 24, SIDE = 92, MIN_GAP = 120;

  const make = (tag, attributes = {}, text = "") => {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text) element.textContent = text;
    return element;
  };

  const shown = (value) => typeof value !== "number" ? String(value)
    : Number.isInteger(value) ? value.toLocaleString("en") : Number(value.toPrecision(4)).toString();

  const cut = (text, length) => text.length > length ? `${text.slice(0, length - 1)}…` : text;

  // A scale knows where a value lies, from 0 at the bottom to 1 at the top, and what to label.
  const scaleOf = (values) => {
    const known = values.filter((value) => value !== null);
    if (known.length && known.every((value) => typeof value === "number")) {
      const low = Math.min(...known), high = Math.max(...known);
      const width = high - low || 1;
      return { at: (value) => high === low ? .5 : (value - low) / width,
               ticks: high === low ? [low] : [0, .25, .5, .75, 1].map((part) => low + part * width) };
    }
    const words = [...new Set(known.map(String))].sort();
    const place = new Map(words.map((word, index) => [word, words.length < 2 ? .5 : index / (words.length - 1)]));
    return { at: (value) => place.get(String(value)), ticks: words.slice(0, 12) };
  };

  const draw = (box) => {
    const spec = JSON.parse(box.dataset.spec);
    const scales = spec.axes.map((axis) => scaleOf(axis.values));
    const width = Math.max(box.clientWidth, 2 * SIDE + MIN_GAP * (spec.axes.length - 1));
    const gap = spec.axes.length > 1 ? (width - 2 * SIDE) / (spec.axes.length - 1) : 0;
    const x = (index) => SIDE + index * gap;
    const y = (part) => HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM);
    const svg = make("svg", { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}` });
    const ranges = spec.axes.map(() => null);
    const last = spec.axes.length - 1;

    const lines = spec.names.map((name, row) => {
      const places = spec.axes.map((axis, index) => axis.values[row] === null ? null
        : [x(index), y(scales[index].at(axis.values[row]))]);
      const path = places.reduce((text, place, index) =>
        place ? `${text}${index && places[index - 1] ? "L" : "M"}${place[0]} ${place[1]}` : text, "");
      const value = spec.axes[last].values[row];
      const share = value === null ? 0 : Math.round(100 * scales[last].at(value));
      const line = make("path", { d: path, class: "line", style: `--share: ${share}%` });
      const values = spec.axes.map((axis) => `${axis.name}: ${axis.values[row] === null ? "-" : shown(axis.values[row])}`);
      line.append(make("title", {}, [name, ...values].join("\n")));
      if (spec.links[row]) {
        line.classList.add("linked");
        line.addEventListener("click", () => dash_clientside.set_props("studio-location", { href: spec.links[row] }));
      }
      svg.append(line);
      return line;
    });

    const filter = () => lines.forEach((line, row) => {
      const fits = spec.axes.every((axis, index) => {
        const range = ranges[index];
        if (!range) return true;
        const value = axis.values[row];
        if (value === null) return false;
        const place = scales[index].at(value);
        return place >= range[0] && place <= range[1];
      });
      line.classList.toggle("faded", !fits);
    });

    spec.axes.forEach((axis, index) => {
      const group = make("g", { class: "axis", transform: `translate(${x(index)} 0)` });
      const name = make("text", { y: 16, "text-anchor": "middle", class: "name" }, cut(axis.name, 20));
      name.append(make("title", {}, axis.name));
      group.append(name, make("line", { y1: y(0), y2: y(1) }));
      for (const tick of scales[index].ticks) {
        group.append(make("text", { x: -8, y: y(scales[index].at(tick)) + 4, "text-anchor": "end" }, cut(shown(tick), 11)));
      }
      const brush = make("rect", { x: -8, width: 16, y: y(1), height: 0, class: "brush" });
      const handle = make("rect", { x: -12, width: 24, y: y(1) - 6, height: y(0) - y(1) + 12, class: "handle" });
      const partAt = (event) => {
        const top = svg.getBoundingClientRect().top;
        return Math.min(1, Math.max(0, (y(0) - (event.clientY - top)) / (y(0) - y(1))));
      };
      let start = null;
      handle.addEventListener("pointerdown", (event) => {
        start = partAt(event);
        handle.setPointerCapture(event.pointerId);
      });
      handle.addEventListener("pointermove", (event) => {
        if (start === null) return;
        const end = partAt(event);
        ranges[index] = [Math.min(start, end), Math.max(start, end)];
        brush.setAttribute("y", y(ranges[index][1]));
        brush.setAttribute("height", y(ranges[index][0]) - y(ranges[index][1]));
        filter();
      });
      handle.addEventListener("pointerup", (event) => {
        if (start !== null && Math.abs(partAt(event) - start) < .01) {  // a click takes the range away
          ranges[index] = null;
          brush.setAttribute("height", 0);
          filter();
        }
        start = null;
      });
      group.append(brush, handle);
      svg.append(group);
    });
    box.replaceChildren(svg);
    box.dataset.drawn = box.dataset.spec;
  };

  const drawAll = () => document.querySelectorAll(".studio-parallel").forEach((box) => {
    if (box.dataset.drawn !== box.dataset.spec && box.clientWidth) draw(box);
  });
  new MutationObserver(drawAll).observe(document.documentElement,
    { childList: true, subtree: true, attributes: true, attributeFilter: ["data-spec"] });
}
