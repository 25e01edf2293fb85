// What is shown of a table - order, filters, search, columns - lives in the address, so that it can
// be sent to others, and goes along from one part of the asset's page to the next.
window.studioData = window.studioData || {};
{
  studioData.make = (tag, className = "", text = "") => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text) element.textContent = text;
    return element;
  };

  studioData.short = (value) => {
    if (typeof value !== "number") return value === null || value === undefined ? "" : String(value).replace("T", " ").replace(/ 00:00:00$/, "");
    return Number.isInteger(value) && Math.abs(value) < 1e6 ? value.toLocaleString("en") : Number(value.toPrecision(4)).toString();
  };

  studioData.percent = (share) => {
    if (share === null || share === 0) return share === null ? "-" : "0%";
    if (share < .001) return "<0.1%";
    if (share > .999 && share < 1) return ">99.9%";
    return `${Number((100 * share).toPrecision(share > .99 ? 3 : 2))}%`;
  };

  // Suspicions of a profile (explore/_profile_entities.py).
  studioData.KINDS = { constant: "Constant", id_like: "Like an identifier", mostly_missing: "Mostly missing", duplicate_rows: "Repeated rows",
    duplicate_column: "The same as another column", leakage: "Leakage", pii: "Personal data" };

  // What belongs to this table, whichever of its parts is shown.
  const CARRIED = ["filter", "q", "sort", "cols", "pin", "cpage", "target",
    "chart", "x", "y", "by", "bins", "function", "interval"];

  const parsed = (text, otherwise) => {
    try { return text ? JSON.parse(text) : otherwise; } catch { return otherwise; }
  };

  // "3,-5" is column 3 ascending, then 5 descending; "-0" is 0 descending.
  const readSort = (text) => (text || "").split(",").filter(Boolean)
    .map((word) => [`c${word.replace("-", "")}`, word.startsWith("-")]);
  const writeSort = (sort) => sort.map(([key, descends]) => (descends ? "-" : "") + key.slice(1)).join(",");

  // "0-9,12" is columns 0 to 9 and 12: an address must stay short, also for thousands of columns.
  const MOST_COLUMNS = 100_000;
  const readColumns = (text) => (text || "").split(",").filter(Boolean).flatMap((word) => {
    const [from, to = from] = word.split("-").map(Number);
    if (!(from <= to && to < MOST_COLUMNS)) return [];
    return Array.from({ length: to - from + 1 }, (_, step) => `c${from + step}`);
  });
  const writeColumns = (keys) => {
    const words = [], places = keys.map((key) => Number(key.slice(1)));
    for (let at = 0, end; at < places.length; at = end) {
      for (end = at + 1; end < places.length && places[end] === places[end - 1] + 1; end += 1);
      words.push(...end - at > 2 ? [`${places[at]}-${places[end - 1]}`] : places.slice(at, end));
    }
    return words.join(",");
  };

  studioData.read = () => {
    const query = new URLSearchParams(location.search);
    return {
      sort: readSort(query.get("sort")),
      filter: parsed(query.get("filter"), {}) || {},
      search: query.get("q") || "",
      columns: query.has("cols") ? readColumns(query.get("cols")) : null,
      pinned: readColumns(query.get("pin")),
      page: Math.max(0, Number(query.get("cpage")) - 1 || 0),
    };
  };

  studioData.write = (state, version) => {
    const query = new URLSearchParams(location.search);
    const set = (name, value) => value ? query.set(name, value) : query.delete(name);
    set("version", version);
    set("sort", writeSort(state.sort));
    set("filter", Object.keys(state.filter).length ? JSON.stringify(state.filter) : "");
    set("q", state.search);
    set("cols", state.columns ? writeColumns(state.columns) : "");
    set("pin", writeColumns(state.pinned));
    set("cpage", state.page ? String(state.page + 1) : "");
    studioData.setQuery(query);
  };

  studioData.setQuery = (query) => {
    const text = query.toString();
    history.replaceState(history.state, "", location.pathname + (text ? `?${text}` : ""));
  };

  const RETRY_MS = 1500;

  // Asks the server (_calls.py); an answer that is no success throws what it says. While a table is
  // being opened the server says 503, and the page asks again as long as it is shown.
  studioData.ask = async (calls, name, question) => {
    const page = location.pathname;
    for (;;) {
      const answer = await fetch(calls + name, {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(question) });
      const document = await answer.json().catch(() => ({}));
      if (answer.ok) return document;
      if (answer.status !== 503 || location.pathname !== page) throw new Error(document.message || `The server answered with the status ${answer.status}.`);
      await new Promise((done) => setTimeout(done, RETRY_MS));
    }
  };

  // A tab's link was written before the filter was: it takes along what the address says now.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.(".studio-tabs a");
    const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey;
    if (!link || !isPlain || !document.querySelector(".studio-data, .studio-data-charts, .studio-data-profile")) return;
    const now = new URLSearchParams(location.search), target = new URL(link.href);
    for (const name of CARRIED) if (now.has(name)) target.searchParams.set(name, now.get(name));
    if (target.href === link.href) return;
    event.preventDefault();
    event.stopPropagation();
    dash_clientside.set_props("studio-location", { href: target.pathname + target.search });
  }, true);
}
