// <div class="studio-lineage" data-graph=…> becomes a drawing of boxes and lines; where they stand was
// computed by the server (_lineage_graph.py). Each box that leads somewhere is a link.
{
  const SVG = "http://www.w3.org/2000/svg";
  const make = (tag, attributes, ...children) => {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  const shorten = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

  const box = (node, graph) => {
    const { node_width: width, node_height: height } = graph;
    const parts = [
      make("title", {}, `${node.title} (${node.subtitle})`),
      make("rect", { x: node.x, y: node.y, width, height, rx: 6 }),
      make("rect", { x: node.x, y: node.y, width: 5, height, rx: 2, class: "edge" }),
      make("text", { x: node.x + 16, y: node.y + 20, class: "title" }, shorten(node.title, 24)),
      make("text", { x: node.x + 16, y: node.y + 36, class: "subtitle" }, shorten(node.subtitle, 28)),
    ];
    if (!node.href) return make("g", { class: `node ${node.kind}` }, ...parts);
    const link = make("a", { href: node.href, class: `node ${node.kind}` }, ...parts);
    link.addEventListener("click", (event) => {
      if (node.is_outside || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      dash_clientside.set_props("studio-location", { href: node.href });
    });
    return link;
  };

  const line = (from, to, graph) => {
    const half = graph.node_height / 2;
    const [x1, y1] = [from.x + graph.node_width, from.y + half];
    const [x2, y2] = [to.x, to.y + half];
    const middle = (x1 + x2) / 2;
    return make("path", { d: `M${x1},${y1} C${middle},${y1} ${middle},${y2} ${x2 - 6},${y2}`, class: "line", "marker-end": "url(#studio-lineage-arrow)" });
  };

  const draw = (place) => {
    const graph = JSON.parse(place.dataset.graph);
    const nodes = new Map(graph.nodes.map((node) => [node.key, node]));
    const arrow = make("marker", { id: "studio-lineage-arrow", viewBox: "0 0 8 8", refX: 2, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" },
      make("path", { d: "M0,0 L8,4 L0,8 z" }));
    const size = { width: graph.width, height: graph.height, viewBox: `0 0 ${graph.width} ${graph.height}` };
    place.replaceChildren(make("svg", size, make("defs", {}, arrow),
      ...graph.edges.map(([from, to]) => line(nodes.get(from), nodes.get(to), graph)),
      ...graph.nodes.map((node) => box(node, graph))));
    place.tabIndex = 0;
  };

  const drawAll = () => document.querySelectorAll(".studio-lineage:empty").forEach(draw);
  new MutationObserver(drawAll).observe(document.documentElement, { childList: true, subtree: true });
}
