// What opens above a table: one value in full, and the choice of its columns.
window.studioData = window.studioData || {};
{
  const { make } = studioData;
  const MOST_LISTED = 300;

  studioData.copy = async (value) => {
    const text = value === null || value === undefined ? "" : String(value);
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const field = document.body.appendChild(make("textarea")); // without HTTPS there is no other way
    field.value = text;
    field.select();
    document.execCommand("copy");
    field.remove();
  };

  const dialog = studioData.dialog = (title, subtitle) => {
    const made = make("dialog", "studio-data-dialog");
    const head = make("header"), close = make("button", "", "×");
    close.type = "button";
    close.setAttribute("aria-label", "Close");
    close.addEventListener("click", () => made.close());
    const heading = make("h2", "", title);
    heading.title = title;
    head.append(heading, close);
    made.append(head, make("p", "studio-dim", subtitle));
    made.setAttribute("aria-label", title);
    made.addEventListener("close", () => made.remove());
    made.addEventListener("click", (event) => { if (event.target === made) made.close(); });
    document.body.append(made);
    made.showModal();
    return made;
  };

  studioData.showValue = ({ title, subtitle, value }) => {
    const made = dialog(title, subtitle);
    const text = make("pre", value === null ? "no-value" : "", value === null ? "null" : String(value));
    text.tabIndex = 0;
    const copy = make("button", "", "Copy");
    copy.type = "button";
    copy.addEventListener("click", () => studioData.copy(value).then(() => { copy.textContent = "Copied"; }));
    made.append(text, copy);
  };

  // Works on the grid's state; the columns come first in the order that is shown.
  studioData.chooseColumns = (grid) => {
    const made = dialog("Columns", `${grid.columns.length.toLocaleString("en")} columns. What is chosen here is in the address.`);
    const { state } = grid;
    const all = grid.columns.map((column) => column.key);
    let chosen = [...(state.columns || all)];
    const search = make("input");
    Object.assign(search, { type: "search", placeholder: "Find a column" });
    search.setAttribute("aria-label", "Find a column");
    const list = make("ul"), foot = make("footer");

    const apply = () => {
      state.columns = grid.isDefault(chosen) ? null : chosen.length ? [...chosen] : [all[0]];
      state.pinned = state.pinned.filter((key) => chosen.includes(key));
      state.page = 0;
      grid.setColumns();
      grid.refetch();
      draw();
    };
    const small = (text, label, act, isOff) => {
      const one = make("button", "", text);
      one.type = "button";
      one.title = label;
      one.setAttribute("aria-label", label);
      one.disabled = isOff;
      one.addEventListener("click", () => { act(); apply(); });
      return one;
    };
    const move = (key, by) => {
      const place = chosen.indexOf(key);
      chosen.splice(place, 1);
      chosen.splice(Math.max(0, place + by), 0, key);
    };
    const line = (key) => {
      const { name, dtype } = grid.byKey.get(key), isShown = chosen.includes(key), isPinned = state.pinned.includes(key);
      const row = make("li"), label = make("label"), box = make("input");
      Object.assign(box, { type: "checkbox", checked: isShown });
      box.addEventListener("change", () => { chosen = box.checked ? [...chosen, key] : chosen.filter((one) => one !== key); apply(); });
      const words = make("span", "", name);
      words.title = name;
      label.append(box, words, make("small", "", dtype.toLowerCase()));
      const place = chosen.indexOf(key);
      row.append(label,
        small("↑", `Move ${name} to the left`, () => move(key, -1), !isShown || place === 0),
        small("↓", `Move ${name} to the right`, () => move(key, 1), !isShown || place === chosen.length - 1),
        small(isPinned ? "Unpin" : "Pin", `${isPinned ? "Unpin" : "Pin"} ${name}`,
          () => { state.pinned = isPinned ? state.pinned.filter((one) => one !== key) : [...state.pinned, key]; }, !isShown));
      return row;
    };
    const draw = () => {
      const words = search.value.trim().toLowerCase(), isChosen = new Set(chosen);
      const found = [...chosen, ...all.filter((key) => !isChosen.has(key))].filter((key) => grid.byKey.get(key).name.toLowerCase().includes(words));
      const more = found.length - MOST_LISTED;
      list.replaceChildren(...found.slice(0, MOST_LISTED).map(line));
      if (more > 0) list.append(make("li", "studio-dim", `and ${more.toLocaleString("en")} more: write part of a name`));
      const set = (text, keys) => {
        const one = make("button", "", text);
        one.type = "button";
        one.addEventListener("click", () => { chosen = keys(); apply(); });
        return one;
      };
      foot.replaceChildren(set("All, in the file's order", () => [...all]),
        set(words ? "Only those found" : "Only the first", () => words && found.length ? found : [all[0]]));
    };
    search.addEventListener("input", draw);
    made.append(search, list, foot);
    draw();
  };
}
