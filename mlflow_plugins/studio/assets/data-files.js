// Lists the files of a folder asset in <div class="studio-data-files"> (pages/data/_files.py).
{
  const { make } = studioData;
  const PAUSE = 400;

  const size = (bytes) => {
    if (bytes === null) return "";
    for (const unit of ["bytes", "KiB", "MiB"]) {
      if (bytes < 1024) return unit === "bytes" ? `${bytes} bytes` : `${bytes.toFixed(1)} ${unit}`;
      bytes /= 1024;
    }
    return `${bytes.toFixed(1)} GiB`;
  };

  const tableOf = (headings, rows, label) => {
    const frame = make("div", "studio-scroll"), table = make("table", "studio-table"), head = make("tr");
    frame.tabIndex = 0;
    frame.setAttribute("role", "region");
    frame.setAttribute("aria-label", label);
    for (const words of headings) {
      const cell = make("th", "", words);
      cell.scope = "col";
      head.append(cell);
    }
    const body = make("tbody");
    for (const row of rows) {
      const line = make("tr");
      for (const value of row) {
        const cell = make("td");
        cell.append(value instanceof Node ? value : value === null ? make("span", "no-value", "null") : String(value));
        line.append(cell);
      }
      body.append(line);
    }
    const top = make("thead");
    top.append(head);
    table.append(make("caption", "", label), top, body);
    frame.append(table);
    return frame;
  };

  const contentOf = (path, found) => {
    if (found.image) {
      const image = make("img");
      Object.assign(image, { src: found.image, alt: path });
      return [image];
    }
    if (found.rows) {
      const words = `The first ${found.rows.length} of ${found.n_rows.toLocaleString("en")} rows`;
      const more = found.n_columns > found.columns.length ? `, ${found.columns.length} of ${found.n_columns.toLocaleString("en")} columns` : "";
      return [make("p", "studio-dim", words + more), tableOf(found.columns, found.rows, path)];
    }
    if (found.note) return [make("p", "", found.note)];
    const text = make("pre", "", found.text);
    text.tabIndex = 0;
    return found.is_cut ? [make("p", "studio-dim", "The beginning of the file"), text] : [text];
  };

  const start = (box) => {
    const asset = { name: box.dataset.name, version: box.dataset.version };
    const ask = (name, more) => studioData.ask(box.dataset.calls, name, { ...asset, ...more });
    const tools = make("div", "studio-data-tools"), search = make("input"), total = make("output", "total"), list = make("div");
    Object.assign(search, { type: "search", placeholder: "Find a file" });
    search.setAttribute("aria-label", "Find a file");
    tools.append(search, total);
    box.append(tools, list);

    const refuse = (error) => {
      const note = make("div", "studio-note red", error.message);
      note.role = "alert";
      list.replaceChildren(note);
    };
    const look = async (path) => {
      const made = studioData.dialog(path, "Loading …");
      try {
        const found = await ask("data-file", { path });
        made.querySelector("p").remove();
        made.append(...contentOf(path, found));
      } catch (error) {
        made.querySelector("p").textContent = error.message;
      }
    };
    let newest = 0, timer;
    const show = async () => {
      const own = ++newest;
      try {
        const found = await ask("data-files", { search: search.value.trim() });
        if (own !== newest) return;
        const n = found.n_files.toLocaleString("en") + (found.is_complete ? "" : " or more");
        total.textContent = found.files.length < found.n_files ? `The first ${found.files.length.toLocaleString("en")} of ${n} files` : `${n} files`;
        list.replaceChildren(tableOf(["File", "Size"], found.files.map(([path, bytes]) => {
          const open = make("button", "studio-link-button", path);
          open.type = "button";
          open.addEventListener("click", () => look(path));
          return [open, size(bytes)];
        }), "Files"));
      } catch (error) { if (own === newest) refuse(error); }
    };
    search.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(show, PAUSE); });
    total.textContent = "Listing the files …";
    show();
  };

  const startAll = () => document.querySelectorAll(".studio-data-files:not([data-started])").forEach((box) => {
    box.dataset.started = "1";
    start(box);
  });
  new MutationObserver(startAll).observe(document.documentElement, { childList: true, subtree: true });
}
