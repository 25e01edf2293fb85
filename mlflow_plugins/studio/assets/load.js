// Fills <div class="studio-load" data-target=… data-accept=…> (_components.editor) with a chooser that
// puts the text of a file into the editor: the file goes no further than the text does.
{
  const LIMIT = 1_000_000;

  const idOf = (target) => target.startsWith("{") ? JSON.parse(target) : target;

  const build = (box) => {
    const label = document.createElement("label");
    const picker = Object.assign(document.createElement("input"), { type: "file", accept: box.dataset.accept });
    const said = Object.assign(document.createElement("span"), { role: "status" });
    label.append("Choose a file", picker);
    picker.addEventListener("change", async () => {
      const file = picker.files[0];
      picker.value = "";
      if (!file) return;
      if (file.size > LIMIT) {
        said.textContent = `${file.name} is too large for a text.`;
        return;
      }
      dash_clientside.set_props(idOf(box.dataset.target), { value: await file.text() });
      said.textContent = file.name;
    });
    box.append(label, said);
  };

  const buildAll = () => document.querySelectorAll(".studio-load:empty").forEach(build);
  new MutationObserver(buildAll).observe(document.documentElement, { childList: true, subtree: true });
}
