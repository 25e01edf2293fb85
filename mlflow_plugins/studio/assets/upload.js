// Fills <div class="studio-upload" data-address=… data-name=…> with a form that sends a file in
// pieces to the studio's own routes (_uploads.py) and then goes to the page of the new asset.
{
  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  const ask = async (address, method, body, type = "application/json") => {
    const headers = withWorkspace({ "Content-Type": type });
    const content = type === "application/json" ? JSON.stringify(body) : body;
    const answer = await fetch(address, { method, headers, body: content }).catch(() => {
      throw new Error("The server does not answer. Check that it runs, then try again.");
    });
    const document = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(document.message || `The server answered ${answer.status}.`);
    return document;
  };

  const nameFor = (file) => file.name.replace(/\.[^.]*$/, "")
    .replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "");

  const build = (box) => {
    const { address, name } = box.dataset;
    const picker = make("input", { type: "file", accept: ".csv,.tsv,.txt,.parquet,.pq" });
    const chosen = make("div", { className: "studio-dim" });
    const title = make("input", { type: "text", value: name || "", autocomplete: "off" });
    const button = make("button", { type: "button", textContent: "Upload", disabled: true });
    const bar = make("progress", { max: 1, value: 0, hidden: true, ariaLabel: "Upload" });
    const status = make("div", { role: "status", className: "studio-dim" });
    const problem = make("div", { role: "alert" });
    let file = null;

    const choose = (picked) => {
      file = picked || null;
      chosen.textContent = file ? `${file.name}, ${(file.size / 1048576).toFixed(2)} MiB` : "";
      problem.textContent = "";
      if (file && !title.value) title.value = nameFor(file);
      button.disabled = !file;
    };

    const send = async () => {
      const begun = await ask(address, "POST", { file: file.name, size_bytes: file.size });
      for (let at = 0; at < file.size; at += begun.piece_bytes) {
        const end = Math.min(at + begun.piece_bytes, file.size);
        await ask(`${address}/${begun.token}?offset=${at}`, "PUT", file.slice(at, end), "application/octet-stream");
        bar.value = end / file.size;
        status.textContent = `${Math.round((100 * end) / file.size)} % sent`;
      }
      status.textContent = "Reading the table…";
      return ask(`${address}/${begun.token}/finish`, "POST", { name: title.value.trim() });
    };

    button.addEventListener("click", async () => {
      button.disabled = true;
      bar.hidden = false;
      problem.textContent = "";
      try {
        const asset = await send();
        dash_clientside.set_props("studio-location", { href: asset.address });
      } catch (error) {
        problem.textContent = error.message;
      }
      status.textContent = "";
      bar.hidden = true;
      bar.value = 0;
      button.disabled = !file;
    });
    picker.addEventListener("change", () => choose(picker.files[0]));
    box.addEventListener("dragover", (event) => { event.preventDefault(); box.classList.add("over"); });
    box.addEventListener("dragleave", () => box.classList.remove("over"));
    box.addEventListener("drop", (event) => {
      event.preventDefault();
      box.classList.remove("over");
      choose(event.dataTransfer.files[0]);
    });
    box.append(
      make("label", {}, "Choose a CSV or Parquet file, or drop it here", picker), chosen,
      make("label", {}, "Name of the data asset", title), button, bar, status, problem);
  };

  const buildAll = () => document.querySelectorAll(".studio-upload:empty").forEach(build);
  new MutationObserver(buildAll).observe(document.documentElement, { childList: true, subtree: true });
}
