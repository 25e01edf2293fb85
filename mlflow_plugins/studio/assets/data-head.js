// The head of a column: its name and type, and what is in it, drawn when the column is in sight.
window.studioData = window.studioData || {};
{
  const AT_ONCE = 8;

  const { make, short } = studioData;

  const percent = (part, whole) => studioData.percent(whole ? part / whole : 0);

  const bars = (summary) => {
    const box = make("span", "bars");
    const most = Math.max(...summary.bins, 1);
    for (const count of summary.bins) {
      const bar = make("i");
      bar.style.height = `${Math.max(count ? 4 : 0, 100 * count / most)}%`;
      box.append(bar);
    }
    box.title = `${short(summary.low)} to ${short(summary.high)}`;
    return box;
  };

  const values = (summary) => {
    const box = make("span", "values");
    for (const [value, count] of summary.values) {
      const line = make("span");
      line.append(make("b", "", value === "" ? "(empty)" : value), make("i", "", percent(count, summary.n_rows)));
      line.title = `${value}: ${count.toLocaleString("en")}`;
      box.append(line);
    }
    return box;
  };

  studioData.drawSummary = (place, summary) => {
    place.replaceChildren(summary.bins ? bars(summary) : values(summary));
    const facts = [`${percent(summary.n_missing, summary.n_rows)} missing`];
    if (summary.n_distinct !== null) facts.push(`${summary.n_distinct.toLocaleString("en")} distinct`);
    if (summary.is_sample) {
      facts.push("a sample");
      place.title = `Of ${summary.n_rows.toLocaleString("en")} rows drawn at random`;
    }
    place.append(make("span", "facts", facts.join(" · ")));
  };

  // Asks for the heads that are waiting, a few at a time, and only when rows are there already.
  studioData.Summaries = class {
    constructor(ask) {
      this.ask = ask;
      this.places = new Map();
      this.known = new Map();
      this.round = 0;
      this.isReady = false;
    }
    show(key, place) {
      this.places.set(key, place);
      if (this.known.has(key)) studioData.drawSummary(place, this.known.get(key));
      else this.run();
    }
    hide(key, place) {
      if (this.places.get(key) === place) this.places.delete(key);
    }
    start() {
      this.isReady = true;
      this.run();
    }
    forget() {
      this.round += 1;
      this.known.clear();
      this.isReady = this.isRunning = false;
      for (const place of this.places.values()) place.replaceChildren();
    }
    async run() {
      if (this.isRunning || !this.isReady) return;
      this.isRunning = true;
      const round = this.round;
      await new Promise((done) => setTimeout(done, 30));
      while (round === this.round) {
        const waiting = [...this.places.keys()].filter((key) => !this.known.has(key)).slice(0, AT_ONCE);
        if (!waiting.length) break;
        let found = {};
        try { found = (await this.ask(waiting)).columns; } catch { /* the rows say what is wrong */ }
        if (round !== this.round) return;
        for (const key of waiting) {
          this.known.set(key, found[key] || null);
          if (found[key] && this.places.has(key)) studioData.drawSummary(this.places.get(key), found[key]);
        }
      }
      if (round === this.round) this.isRunning = false;
    }
  };

  // AG Grid's component for the inside of a head; the grid itself does sorting and the filter's menu.
  studioData.Head = class {
    init(params) {
      this.params = params;
      this.key = params.column.getColId();
      this.gui = make("div", "studio-data-head");
      const line = make("div", "line");
      const name = make("strong", "", params.displayName);
      name.title = params.displayName;
      line.append(name);
      this.place = make("div", "summary");
      this.gui.append(line, make("span", "type", params.type), this.place);
      params.summaries.show(this.key, this.place);
    }
    getGui() { return this.gui; }
    refresh() { return false; }
    destroy() { this.params.summaries.hide(this.key, this.place); }
  };
}
