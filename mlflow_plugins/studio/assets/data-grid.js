// Brings <div class="studio-data"> (pages/data/_preview.py) to life: AG Grid's infinite rows, fetched from
// the server as they come into sight, with tools above. Columns go by their places, c0, c1, …,
// because AG Grid takes a dot in a name for a path.
{
  const GRID = "studio-data-grid";
  const COLUMNS_AT_ONCE = 100; // more come in pages of columns
  const { make } = studioData;

  const button = (text, title, act, className = "") => {
    const made = make("button", className, text);
    made.type = "button";
    made.title = title;
    made.addEventListener("click", act);
    return made;
  };

  class DataGrid {
    constructor(box, api) {
      Object.assign(this, { box, api, tools: box.querySelector(".studio-data-tools") });
      this.asset = { name: box.dataset.name, version: box.dataset.version };
      this.state = studioData.read();
      this.summaries = new studioData.Summaries((columns) => this.ask("data-summary",
        { columns, filters: this.state.filter, search: this.state.search }));
      this.round = 0;
      // Dash writes the filter back a moment after each change, over what is being typed by then.
      this.setFilter = api.setFilterModel.bind(api);
      api.setFilterModel = () => {};
    }

    ask(name, question) {
      return studioData.ask(this.box.dataset.calls, name, { ...this.asset, ...question });
    }

    async start() {
      this.say("Opening the table …");
      try {
        const table = await this.ask("data-open", {});
        this.nRows = table.n_rows;
        this.columns = table.columns.map(([name, type, dtype], place) => ({ key: `c${place}`, name, type, dtype }));
      } catch (error) {
        this.refuse(error);
        return;
      }
      this.byKey = new Map(this.columns.map((column) => [column.key, column]));
      for (const part of ["columns", "pinned"]) {
        if (this.state[part]) this.state[part] = this.state[part].filter((key) => this.byKey.has(key));
      }
      if (this.state.columns && !this.state.columns.length) this.state.columns = null;
      this.box.style.setProperty("--rows", Math.max(3, this.nRows));
      this.drawTools();
      this.setColumns();
      if (Object.keys(this.state.filter).length) this.setFilter(this.state.filter);
      this.listen();
      this.api.setGridOption("datasource", { getRows: (request) => this.getRows(request) });
    }

    // ------------------------------------------------------------ columns

    // Those that the reader has chosen, or a page of all of them.
    shown() {
      const all = this.state.columns || this.columns.map((column) => column.key);
      const { pinned } = this.state;
      if (all.length <= COLUMNS_AT_ONCE) return all;
      const from = Math.min(this.state.page, Math.ceil(all.length / COLUMNS_AT_ONCE) - 1) * COLUMNS_AT_ONCE;
      return [...new Set([...pinned, ...all.slice(from, from + COLUMNS_AT_ONCE)])];
    }

    setColumns() {
      const order = new Map(this.state.sort.map(([key, descends], place) => [key, [place, descends]]));
      const shown = this.shown();
      // A column that sorts or filters stays known to the grid, hidden if it is not among those shown.
      const hidden = [...order.keys(), ...Object.keys(this.state.filter)].filter((key) => !shown.includes(key) && this.byKey.has(key));
      this.api.updateGridOptions({ columnDefs: [
        { colId: "row", headerName: "", width: 30 + 10 * this.nRows.toLocaleString("en").length, minWidth: 40, pinned: "left", lockPinned: true, lockPosition: "left", sortable: false,
          resizable: false, suppressMovable: true, cellClass: "row-number", suppressHeaderMenuButton: true,
          valueGetter: (params) => (params.node.rowIndex + 1).toLocaleString("en") },
        ...[...shown, ...new Set(hidden)].map((key) => studioData.columnDefinition(this.byKey.get(key), { at: order.get(key), hide: hidden.includes(key),
          isPinned: this.state.pinned.includes(key), summaries: this.summaries }))] });
      this.drawPager();
    }

    // ------------------------------------------------------------ rows

    async getRows(request) {
      const round = this.round, shown = this.fetched = this.shown();
      const { filter, search, sort } = this.state;
      try {
        const answer = await this.ask("data-rows", { columns: shown, filters: filter, search, sort,
          offset: request.startRow, limit: request.endRow - request.startRow });
        if (round !== this.round) return request.failCallback();
        const rows = answer.rows.map((values) => Object.fromEntries(values.map((value, place) => [shown[place], value])));
        for (const [row, place] of answer.cut) (rows[row].cut ||= new Set()).add(shown[place]);
        request.successCallback(rows, answer.n_rows ?? this.nFound ?? undefined);
        this.say("");
        this.showCount(answer.n_rows ?? this.nFound);
        if (answer.n_rows === null && this.nFound === undefined) this.count(round);
        this.summaries.start();
      } catch (error) {
        request.failCallback();
        if (round === this.round) this.refuse(error);
      }
    }

    async count(round) {
      this.nFound = null;
      try {
        const { n_rows } = await this.ask("data-count", { filters: this.state.filter, search: this.state.search });
        if (round !== this.round) return;
        this.nFound = n_rows;
        this.api.setRowCount(n_rows, true);
        this.showCount(n_rows);
      } catch (error) {
        if (round === this.round) this.refuse(error);
      }
    }

    // Other rows or another order: nothing that is on its way counts any more.
    renew(isOtherRows) {
      this.round += 1;
      if (isOtherRows) {
        this.nFound = undefined;
        this.summaries.forget();
        if (this.api.getDisplayedRowCount()) this.api.ensureIndexVisible(0, "top");
      }
      this.note();
    }

    note() { studioData.write(this.state, this.asset.version); this.drawClear(); }

    listen() {
      const sortOf = () => this.api.getColumnState().filter((one) => one.sort).sort((a, b) => a.sortIndex - b.sortIndex)
        .map((one) => [one.colId, one.sort === "desc"]);
      this.api.addEventListener("sortChanged", () => {
        const sort = sortOf();
        if (JSON.stringify(sort) === JSON.stringify(this.state.sort)) return;
        this.state.sort = sort;
        this.renew(false);
      });
      this.api.addEventListener("filterChanged", () => {
        const filter = this.api.getFilterModel();
        if (JSON.stringify(filter) === JSON.stringify(this.state.filter)) return;
        this.state.filter = filter;
        this.renew(true);
      });
      const onColumns = (event) => {
        if (event.source === "api" || event.source === "gridOptionsChanged" || event.finished === false) return;
        const state = this.api.getColumnState().filter((one) => one.colId !== "row");
        const visible = state.filter((one) => !one.hide).map((one) => one.colId);
        this.state.pinned = state.filter((one) => one.pinned && !one.hide).map((one) => one.colId);
        if (this.columns.length <= COLUMNS_AT_ONCE) this.state.columns = this.isDefault(visible) ? null : visible;
        this.note();
      };
      for (const name of ["columnMoved", "columnPinned", "columnVisible"]) this.api.addEventListener(name, onColumns);
      this.api.addEventListener("cellDoubleClicked", (event) => this.openCell(event));
      this.api.addEventListener("cellKeyDown", (event) => this.onKey(event));
    }

    isDefault(keys) {
      return keys.length === this.columns.length && keys.every((key, place) => key === `c${place}`);
    }

    // ------------------------------------------------------------ cells

    onKey({ event, ...cell }) {
      if (event.key === "Enter") this.openCell(cell);
      if (event.key.toLowerCase() === "c" && (event.ctrlKey || event.metaKey) && getSelection().isCollapsed) {
        event.preventDefault();
        this.valueOf(cell).then(({ value }) => studioData.copy(value)).then(() => this.say("Copied.", 2000), (error) => this.refuse(error));
      }
    }

    valueOf({ column, rowIndex, data }) {
      const key = column.getColId();
      if (key === "row" || !data?.cut?.has(key)) return Promise.resolve({ value: key === "row" ? rowIndex + 1 : data?.[key] });
      const { filter, search, sort } = this.state;
      return this.ask("data-cell", { column: key, row: rowIndex, filters: filter, search, sort });
    }

    async openCell(cell) {
      const key = cell.column.getColId();
      if (key === "row" || !cell.data) return;
      try {
        const { value, is_cut } = await this.valueOf(cell);
        studioData.showValue({ title: this.byKey.get(key).name, value,
          subtitle: `Row ${(cell.rowIndex + 1).toLocaleString("en")} · ${this.byKey.get(key).dtype.toLowerCase()}${is_cut ? " · the first million characters" : ""}` });
      } catch (error) { this.refuse(error); }
    }

    // ------------------------------------------------------------ tools

    drawTools() {
      const search = make("input");
      Object.assign(search, { type: "search", value: this.state.search, placeholder: "Search all columns" });
      search.setAttribute("aria-label", "Search all columns");
      let timer;
      search.addEventListener("input", () => {
        clearTimeout(timer);
        timer = setTimeout(() => this.search(search.value.trim()), 500);
      });
      search.addEventListener("keydown", (event) => {
        if (event.key === "Enter") { clearTimeout(timer); this.search(search.value.trim()); }
      });
      this.searchField = search;
      this.total = make("output", "total");
      this.clear = button("Clear filters", "Show all rows again", () => this.clearAll(), "plain");
      this.pager = make("span", "pager");
      const row = make("input");
      Object.assign(row, { type: "text", inputMode: "numeric", placeholder: "Row" });
      row.setAttribute("aria-label", "Go to row");
      row.addEventListener("keydown", (event) => { if (event.key === "Enter") this.goTo(row.value); });
      const jump = make("span", "jump");
      jump.append(row, button("First", "Go to the first row", () => this.goTo(1)), button("Last", "Go to the last row", () => this.goTo(Infinity)));
      const choose = button("Columns", "Choose, order and pin columns", () => studioData.chooseColumns(this));
      this.tools.replaceChildren(search, this.total, this.clear, make("span", "studio-spring"), this.pager, jump, choose);
      this.drawClear();
    }

    drawClear() {
      this.clear.hidden = !this.state.search && !Object.keys(this.state.filter).length;
    }

    drawPager() {
      const all = (this.state.columns || this.columns).length, last = Math.ceil(all / COLUMNS_AT_ONCE) - 1;
      this.pager.hidden = last < 1;
      const from = this.state.page * COLUMNS_AT_ONCE;
      const turn = (by) => { this.state.page = Math.min(last, Math.max(0, this.state.page + by)); this.setColumns(); this.refetch(); };
      const back = button("‹", "Columns before these", () => turn(-1)), on = button("›", "Columns after these", () => turn(1));
      back.disabled = this.state.page <= 0;
      on.disabled = this.state.page >= last;
      this.pager.replaceChildren(back, make("span", "", `Columns ${(from + 1).toLocaleString("en")}–${Math.min(all, from + COLUMNS_AT_ONCE).toLocaleString("en")} of ${all.toLocaleString("en")}`), on);
    }

    refetch() {
      this.round += 1;
      this.note();
      this.api.purgeInfiniteCache();
    }

    search(text) {
      if (text === this.state.search) return;
      this.state.search = text;
      this.renew(true);
      this.api.purgeInfiniteCache();
    }

    clearAll() {
      const hasFilter = Object.keys(this.state.filter).length > 0;
      this.searchField.value = this.state.search = "";
      this.state.filter = {};
      this.renew(true);
      if (hasFilter) this.setFilter(null);
      this.api.purgeInfiniteCache();
    }

    goTo(text) {
      const n = text === Infinity ? Infinity : Number(String(text).replace(/[ ,._]/g, ""));
      const last = this.api.getDisplayedRowCount();
      if (!(n >= 1) || !last) return this.say("Write the number of a row, from 1 on.", 4000);
      const index = Math.min(n, last) - 1;
      this.api.ensureIndexVisible(index, n === Infinity ? "bottom" : "top");
      const first = this.api.getAllDisplayedColumns()[0];
      if (first) this.api.setFocusedCell(index, first);
    }

    showCount(n) {
      const all = this.nRows.toLocaleString("en");
      this.total.textContent = n === undefined || n === null ? "counting …"
        : n === this.nRows ? `${all} rows` : `${n.toLocaleString("en")} of ${all} rows`;
    }

    say(text, forMs) {
      this.status ||= this.box.appendChild(make("p", "status"));
      this.status.role = "status";
      this.status.textContent = text;
      this.box.querySelector(".studio-note")?.remove();
      if (forMs) setTimeout(() => { if (this.status.textContent === text) this.status.textContent = ""; }, forMs);
    }

    refuse(error) {
      this.say("");
      const note = make("div", "studio-note red");
      note.role = "alert";
      note.append(make("strong", "", this.columns ? "That did not work" : "The table cannot be shown"), make("div", "", error.message));
      this.tools.after(note);
      if (!this.columns) this.box.classList.add("is-broken");
    }
  }

  const startAll = () => document.querySelectorAll(".studio-data:not([data-started])").forEach((box) => {
    box.dataset.started = "1";
    dash_ag_grid.getApiAsync(GRID).then((api) => box.isConnected && new DataGrid(box, api).start());
  });
  new MutationObserver(startAll).observe(document.documentElement, { childList: true, subtree: true });
}
