// The form of a table's charts (pages/data/_charts.py): what is chosen is in the address, the server
// counts, and the figure goes to Dash's graph.
{
  const GRAPH = "studio-data-chart";
  const { make } = studioData;

  const NUMBERS = ["integer", "number"], MOMENTS = ["date", "datetime"];
  // For each kind its fields: label, types of columns (null: any), whether one must be chosen.
  const KINDS = {
    histogram: { label: "Histogram", x: ["Column", [...NUMBERS, ...MOMENTS], true], bins: "Bins" },
    bar: { label: "Bars of counts", x: ["Column", null, true], bins: "Most values" },
    box: { label: "Box plot", y: ["Column", NUMBERS, true], by: ["By group", null, false] },
    scatter: { label: "Scatter", x: ["Across", [...NUMBERS, ...MOMENTS], true], y: ["Up", [...NUMBERS, ...MOMENTS], true], by: ["Colour", null, false] },
    heat: { label: "Heat map", x: ["Across", null, true], y: ["Up", null, true], bins: "Bins" },
    time: { label: "Time series", x: ["Time", MOMENTS, true], y: ["Of column", null, false], by: ["A line for each", null, false], function: true, interval: true },
  };
  const FUNCTIONS = ["count", "mean", "sum", "min", "max", "median", "n_unique"];
  const INTERVALS = ["second", "minute", "hour", "day", "week", "month", "quarter", "year"];
  const IN_ADDRESS = ["x", "y", "by", "bins", "function", "interval"];

  const csvOf = (columns, rows) => {
    const cell = (value) => {
      const text = value === null || value === undefined ? "" : String(value);
      return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    };
    return [columns, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
  };

  const save = (name, text) => {
    const link = make("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };

  class Charts {
    constructor(box) {
      this.box = box;
      this.form = box.querySelector(".studio-chart-form");
      this.frame = box.querySelector("figure");
      this.below = box.querySelector(".below");
      this.asset = { name: box.dataset.name, version: box.dataset.version };
      this.shared = studioData.read();
      const query = new URLSearchParams(location.search);
      this.choice = { kind: query.get("chart"), ...Object.fromEntries(IN_ADDRESS.map((name) => [name, query.get(name) || ""])) };
    }

    ask(name, more) { return studioData.ask(this.box.dataset.calls, name, { ...this.asset, ...more }); }

    async start() {
      try {
        const table = await this.ask("data-open", {});
        this.columns = table.columns.map(([name, type], place) => ({ key: String(place), name, type }));
      } catch (error) { return this.refuse(error); }
      if (!KINDS[this.choice.kind]) this.choose();
      this.complete();
      this.drawForm();
      this.draw();
    }

    fitting(types) { return this.columns.filter(({ type }) => !types || types.includes(type)); }

    // What is drawn before anybody has chosen: the first column that shows something.
    choose() {
      const number = this.fitting(NUMBERS)[0];
      this.choice = { ...this.choice, kind: number ? "histogram" : "bar", x: number?.key || "0" };
    }

    // Fills what a kind needs and leaves out what it has no use for.
    complete() {
      const kind = KINDS[this.choice.kind], taken = new Set();
      for (const name of ["x", "y", "by"]) {
        const [, types, isNeeded] = kind[name] || [null, [], false];
        const fits = kind[name] ? this.fitting(types) : [];
        const isTaken = isNeeded && taken.has(this.choice[name]) && fits.length > 1;
        if (isTaken || !fits.some(({ key }) => key === this.choice[name])) {
          this.choice[name] = isNeeded ? (fits.find(({ key }) => !taken.has(key)) || fits[0])?.key || "" : "";
        }
        taken.add(this.choice[name]);
      }
      if (!kind.bins) this.choice.bins = "";
      if (!kind.function) this.choice.function = this.choice.interval = "";
    }

    drawForm() {
      const kind = KINDS[this.choice.kind];
      const field = (label, name, options, value) => {
        const frame = make("label", "", label), select = make("select");
        select.append(...options.map(([text, key]) => new Option(text, key)));
        select.value = value;
      select.setAttribute("aria-label", label);
        select.addEventListener("change", () => this.change(name, select.value));
        frame.append(select);
        return frame;
      };
      const fields = [field("Chart", "kind", Object.entries(KINDS).map(([key, { label }]) => [label, key]), this.choice.kind)];
      for (const name of ["x", "y", "by"]) {
        if (!kind[name]) continue;
        const [label, types, isNeeded] = kind[name];
        fields.push(field(label, name, [...isNeeded ? [] : [["none", ""]], ...this.fitting(types).map((column) => [column.name, column.key])], this.choice[name]));
      }
      if (kind.bins) fields.push(field(kind.bins, "bins", [10, 20, 30, 50, 100].map((n) => [n, String(n)]), this.choice.bins || "30"));
      if (kind.function) fields.push(field("Figure", "function", FUNCTIONS.map((name) => [name, name]), this.choice.function || "count"),
        field("Interval", "interval", [["automatic", ""], ...INTERVALS.map((name) => [name, name])], this.choice.interval));
      this.form.replaceChildren(...fields);
    }

    change(name, value) {
      this.choice[name] = value;
      if (value === "bar") { // values that are counted are mostly words
        const words = this.fitting(["text", "boolean"]);
        if (words.length && !words.some(({ key }) => key === this.choice.x)) this.choice.x = words[0].key;
      }
      this.complete();
      this.drawForm();
      this.form.querySelectorAll("select")[["kind", "x", "y", "by"].indexOf(name)]?.focus();
      this.draw();
    }

    note() {
      const query = new URLSearchParams(location.search);
      query.set("version", this.asset.version);
      query.set("chart", this.choice.kind);
      for (const name of IN_ADDRESS) this.choice[name] ? query.set(name, this.choice[name]) : query.delete(name);
      studioData.setQuery(query);
    }

    async draw() {
      this.note();
      const { kind, x, y, by, bins, interval } = this.choice, key = (place) => place === "" ? null : `c${place}`;
      const own = this.newest = {};
      this.box.classList.add("is-busy");
      try {
        const found = await this.ask("data-chart", { choice: { kind, x: key(x), y: key(y), by: key(by), bins: Number(bins || 30),
          function: this.choice.function || "count", interval: interval || null }, filters: this.shared.filter, search: this.shared.search });
        if (own !== this.newest) return;
        this.found = found;
        this.frame.hidden = false;
        this.frame.setAttribute("aria-label", `${KINDS[kind].label} of ${found.columns.join(", ").slice(0, 200)}`);
        dash_clientside.set_props(GRAPH, { figure: found.figure });
        this.drawBelow();
      } catch (error) {
        if (own === this.newest) this.refuse(error);
      } finally {
        if (own === this.newest) this.box.classList.remove("is-busy");
      }
    }

    drawBelow() {
      const line = make("p", "studio-dim", this.found.note);
      line.role = "status";
      const tools = make("div", "studio-data-tools");
      const button = (text, act) => {
        const one = make("button", "", text);
        one.type = "button";
        one.addEventListener("click", act);
        tools.append(one);
      };
      button("Download PNG", () => Plotly.downloadImage({ data: this.found.figure.data, layout: { ...this.found.figure.layout, paper_bgcolor: "#fff", plot_bgcolor: "#fff" } },
        { format: "png", width: 1200, height: 700, filename: `${this.asset.name}-${this.choice.kind}` }));
      button("Download CSV", () => save(`${this.asset.name}-${this.choice.kind}.csv`, csvOf(this.found.columns, this.found.rows)));
      const { filter, search } = this.shared;
      if (search || Object.keys(filter).length) {
        tools.prepend(make("span", "studio-tag", this.words(filter, search)));
        button("Without the filter", () => {
          this.shared = { ...this.shared, filter: {}, search: "" };
          const query = new URLSearchParams(location.search);
          query.delete("filter");
          query.delete("q");
          studioData.setQuery(query);
          this.draw();
        });
      }
      this.below.replaceChildren(line, tools);
    }

    words(filter, search) {
      const names = Object.keys(filter).map((key) => this.columns[Number(key.slice(1))]?.name).filter(Boolean);
      return [names.length ? `Filtered by ${names.join(", ")}` : "", search ? `with “${search}”` : ""].filter(Boolean).join(" ");
    }

    refuse(error) {
      this.frame.hidden = true;
      const note = make("div", "studio-note red");
      note.role = "alert";
      note.append(make("strong", "", "The chart cannot be drawn"), make("div", "", error.message));
      this.below.replaceChildren(note);
    }
  }

  const startAll = () => document.querySelectorAll(".studio-data-charts:not([data-started])").forEach((box) => {
    box.dataset.started = "1";
    new Charts(box).start();
  });
  new MutationObserver(startAll).observe(document.documentElement, { childList: true, subtree: true });
}
