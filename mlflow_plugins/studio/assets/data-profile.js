// Draws a table's profile (pages/data/_profile.py) when it is there, and says so until then.
{
  const GRID = "studio-data-figures", PAUSE_MS = 1500;
  const { make } = studioData;

  // The head of figures() in _profile.py.
  const HEAD = ["Column", "Type", "Profile", "Types of values", "Minimum", "Maximum", "Count", "Not missing", "Missing", "Missing %", "Distinct",
    "1%", "5%", "25%", "Median", "75%", "95%", "99%", "Mean", "Standard deviation", "Variance", "Skewness", "Kurtosis", "Zeros", "Negative", "Infinite",
    "Outliers", "Shortest", "Mean length", "Longest", "Empty", "Blank", "Most frequent", "Estimated"];
  const TEXTS = new Set(["Column", "Type", "Types of values", "Most frequent", "Estimated"]);
  const MEASURES = { pearson: "Pearson", cramers_v: "Cramér's V", correlation_ratio: "Correlation ratio" };
  const SEARCHED = new Set(["Column", "Type", "Types of values"]);

  class Spark {
    init({ value }) { this.gui = make("span", "studio-spark"); if (value?.length) this.gui.append(studioData.bars(value)); }
    getGui() { return this.gui; }
    refresh() { return false; }
  }

  const byNumber = (a, b) => {
    if (a === null || b === null) return (a !== null) - (b !== null);
    return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  };

  const card = (title, ...children) => {
    const made = make("section", "studio-card"), head = make("div", "studio-card-head");
    head.append(make("h2", "", title));
    made.append(head, ...children);
    return made;
  };

  const tiles = (entries) => {
    const list = make("dl", "studio-tiles");
    for (const [name, value] of entries) {
      const tile = make("div");
      tile.append(make("dt", "", name), make("dd", "", value));
      list.append(tile);
    }
    return list;
  };

  class Profile {
    constructor(box) {
      this.box = box;
      this.above = box.querySelector(".above");
      this.below = box.querySelector(".below");
      this.frame = box.querySelector('[role="region"]');
      this.asset = { name: box.dataset.name, version: box.dataset.version };
    }

    ask(name, more) { return studioData.ask(this.box.dataset.calls, name, { ...this.asset, ...more }); }

    // Asks until the profile is there; `place` says meanwhile how long it takes.
    async wait(question, place, words) {
      const status = make("div", "studio-working"), text = make("span"), bar = make("progress");
      status.role = "status";
      bar.setAttribute("aria-label", words);
      status.append(bar, text);
      while (this.box.isConnected) {
        const found = await this.ask("data-profile", question);
        if (found.working_s === undefined) { status.remove(); return found; }
        text.textContent = `${words}: ${Math.round(found.working_s)} s`;
        if (!status.isConnected) place.replaceChildren(status);
        await new Promise((done) => setTimeout(done, PAUSE_MS));
      }
      return null;
    }

    async start() {
      try {
        const found = await this.wait({}, this.above, "The profile is being computed, once for this version");
        if (found) await this.draw(found);
      } catch (error) { this.refuse(this.above, error); }
    }

    refuse(place, error) {
      const note = make("div", "studio-note red");
      note.role = "alert";
      note.append(make("strong", "", "There is no profile"), make("div", "", error.message));
      place.replaceChildren(note);
    }

    async draw(found) {
      const { whole, percent } = studioData;
      const kinds = Object.entries(found.kinds).map(([kind, n]) => `${n} ${kind}`).join(", ");
      const notes = make("p", "studio-dim", `Figures come from ${found.is_exact ? "all rows" : "all rows as far as that is possible; columns say what was estimated"}; associations from ${whole(found.sample_size)} rows.`);
      this.above.replaceChildren(
        tiles([["Rows", whole(found.n_rows)], ["Columns", whole(found.n_columns)], ["Missing cells", percent(found.missing_share)], ["Repeated rows", whole(found.n_duplicate_rows)]]),
        make("p", "studio-dim", kinds), this.suspicions(found), notes);
      await this.drawFigures(found.figures);
      this.target = make("div", "studio-stack");
      this.below.replaceChildren(this.targetCard(found), this.associations(found), this.missing(found),
        card("Columns", studioData.cards((question) => this.ask("data-profile-columns", question))));
    }

    suspicions(found) {
      if (!found.suspicions.length) return card("Worth a look", make("p", "studio-dim", "Nothing was noticed."));
      const list = make("ul", "studio-suspicions");
      for (const { kind, columns, reason } of found.suspicions) {
        const line = make("li");
        line.append(make("span", "studio-tag", studioData.KINDS[kind] || kind), make("strong", "", columns.slice(0, 6).join(", ") + (columns.length > 6 ? ", …" : "")), make("span", "", reason));
        list.append(line);
      }
      const hidden = found.n_suspicions - found.suspicions.length;
      const rest = hidden > 0 ? [make("p", "studio-dim", `and ${hidden.toLocaleString("en")} more, on the columns' cards`)] : [];
      return card(`Worth a look (${found.n_suspicions.toLocaleString("en")})`, list, ...rest);
    }

    async drawFigures(lines) {
      this.frame.hidden = false;
      this.frame.style.setProperty("--lines", lines.length); // the grid itself may not be there yet
      const api = await dash_ag_grid.getApiAsync(GRID);
      const format = (value, name) => value === null || value === undefined ? "" : name === "Missing %" ? studioData.percent(value) : typeof value === "number" ? studioData.whole(value) : studioData.short(value);
      api.updateGridOptions({
        columnDefs: HEAD.map((name, place) => ({
          colId: `f${place}`, field: `f${place}`, headerName: name, pinned: place ? null : "left", width: place ? name === "Types of values" || name === "Most frequent" ? 200 : 116 : 180,
          filter: TEXTS.has(name) ? "agTextColumnFilter" : name === "Profile" ? false : "agNumberColumnFilter", sortable: name !== "Profile",
          comparator: byNumber, ...(SEARCHED.has(name) ? {} : { getQuickFilterText: () => "" }), cellClass: TEXTS.has(name) ? "" : "number",
          ...(name === "Profile" ? { cellRenderer: Spark, cellDataType: false } : { valueFormatter: ({ value }) => format(value, name) }) })),
        rowData: lines.map((line) => Object.fromEntries(line.map((value, place) => [`f${place}`, value]))),
      });
      this.frame.before(this.quick(api, lines.length));
    }

    quick(api, n) {
      this.box.querySelector(":scope > .studio-data-tools")?.remove();
      const tools = make("div", "studio-data-tools"), search = make("input"), total = make("output", "total", `${n.toLocaleString("en")} columns`);
      Object.assign(search, { type: "search", placeholder: "Search the figures" });
      search.setAttribute("aria-label", "Search the figures");
      search.addEventListener("input", () => {
        api.setGridOption("quickFilterText", search.value);
        total.textContent = `${api.getDisplayedRowCount().toLocaleString("en")} of ${n.toLocaleString("en")} columns`;
      });
      tools.append(search, total);
      return tools;
    }

    // ------------------------------------------------------------ the target

    targetCard(found) {
      const label = make("label", "studio-target", "Which column is to be predicted? "), select = make("select");
      const names = found.figures.map(([name]) => name);
      select.append(new Option("none", ""), ...names.map((name, place) => new Option(name, String(place))));
      const asked = new URLSearchParams(location.search).get("target");
      if (names.includes(asked)) select.value = String(names.indexOf(asked));
      label.append(select);
      const show = async () => {
        const target = select.value === "" ? null : names[Number(select.value)];
        const query = new URLSearchParams(location.search);
        target === null ? query.delete("target") : query.set("target", target);
        studioData.setQuery(query);
        this.target.replaceChildren();
        if (target === null) return;
        const own = this.asked = {};
        try {
          const about = await this.wait({ target }, this.target, `What each column says about ${target} is being computed`);
          if (about && own === this.asked) this.target.replaceChildren(...this.aboutTarget(about));
        } catch (error) { if (own === this.asked) this.refuse(this.target, error); }
      };
      select.addEventListener("change", show);
      if (asked) show();
      return card("What the columns say about a target", label, this.target);
    }

    aboutTarget(about) {
      const list = make("ol", "studio-shares wide");
      for (const { column, association, predictive_power } of about.target_associations) {
        const line = make("li"), bar = make("i"), name = make("span", "", column);
        name.title = column;
        bar.style.width = `${100 * Math.max(0, Math.min(1, predictive_power))}%`;
        const measure = association ? ` · ${MEASURES[association.measure]} ${studioData.short(association.value)}` : "";
        line.append(bar, name, make("b", "", `${studioData.percent(Math.max(0, predictive_power))}${measure}`));
        list.append(line);
      }
      const leaks = about.suspicions.filter((one) => one.kind === "leakage").map(({ columns, reason }) => {
        const note = make("div", "studio-note orange");
        note.append(make("strong", "", columns.join(", ")), make("div", "", reason));
        return note;
      });
      return [...leaks, make("p", "studio-dim", "By how much knowing the column alone reduces the error of predicting the target, in rows that were held out; beside it the association."), list];
    }

    // ------------------------------------------------------------ pairs of columns

    associations({ associations, association_columns: names, n_columns }) {
      if (names.length < 2) return make("div");
      const place = new Map(names.map((name, at) => [name, at])), values = new Map();
      for (const one of associations) {
        values.set(place.get(one.a) * names.length + place.get(one.b), one);
        values.set(place.get(one.b) * names.length + place.get(one.a), one);
      }
      const of = (row, column) => values.get(row * names.length + column);
      const map = studioData.heatMap({ names, label: "Associations of pairs of columns",
        shareOf: (row, column) => row === column ? 1 : of(row, column)?.value ?? null,
        titleOf: (row, column) => row === column ? names[row] : `${names[row]} and ${names[column]}: ${of(row, column) ? `${MEASURES[of(row, column).measure]} ${studioData.short(of(row, column).value)}` : "none"}` });
      const strongest = [...associations].sort((a, b) => Math.abs(b.value) - Math.abs(a.value)).slice(0, 8);
      const list = make("ol", "studio-shares wide");
      for (const { a, b, measure, value } of strongest) {
        const line = make("li"), bar = make("i");
        bar.style.width = `${100 * Math.abs(value)}%`;
        line.append(bar, make("span", "", `${a} · ${b}`), make("b", "", `${MEASURES[measure]} ${studioData.short(value)}`));
        list.append(line);
      }
      const frame = make("div", "studio-scroll");
      frame.tabIndex = 0;
      frame.append(map);
      const first = names.length < n_columns ? [make("p", "studio-dim", `The first ${names.length} columns that can be paired, of ${n_columns.toLocaleString("en")}.`)] : [];
      const both = make("div", "studio-columns");
      both.append(frame, list);
      return card("How columns hang together", ...first, both);
    }

    missing({ missing: { columns, together, patterns, n_patterns, n_complete_rows }, n_rows }) {
      if (!columns.length) return card("Missing values", make("p", "studio-dim", "No value is missing."));
      const total = together.map((line, place) => line[place]);
      const both = make("div", "studio-columns"), frame = make("div", "studio-scroll");
      frame.tabIndex = 0;
      frame.append(studioData.heatMap({ names: columns, label: "Columns that are missing together",
        shareOf: (row, column) => together[row][column] ? together[row][column] / Math.max(1, Math.min(total[row], total[column])) : null,
        titleOf: (row, column) => `${columns[row]}${row === column ? "" : ` and ${columns[column]}`}: missing in ${together[row][column].toLocaleString("en")} rows` }));
      const list = make("ol", "studio-shares wide");
      for (const { columns: names, count } of patterns) {
        const line = make("li"), bar = make("i"), words = names.length ? names.join(", ") : "none: complete rows", name = make("span", "", words);
        name.title = words;
        bar.style.width = `${100 * count / Math.max(1, n_rows)}%`;
        line.append(bar, name, make("b", "", `${count.toLocaleString("en")} rows`));
        list.append(line);
      }
      both.append(...columns.length > 1 ? [frame] : [], list);
      return card("Missing values", make("p", "studio-dim", `${n_complete_rows.toLocaleString("en")} of ${n_rows.toLocaleString("en")} rows are complete; ${n_patterns.toLocaleString("en")} patterns. The most frequent patterns are columns that are missing in the same rows.`), both);
    }
  }

  const startAll = () => document.querySelectorAll(".studio-data-profile:not([data-started])").forEach((box) => {
    box.dataset.started = "1";
    new Profile(box).start();
  });
  new MutationObserver(startAll).observe(document.documentElement, { childList: true, subtree: true });
}
