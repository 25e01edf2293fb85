// Sends files in pieces to the studio's own routes (_uploads.py).
// <div class="studio-upload" data-address=… data-name=…> becomes a form for a table; then the page of
// the new data asset is shown. <div class="studio-code-upload" data-address=… data-target=…> becomes a
// chooser for code, which writes what was sent into the value of its target.
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

  // Sends one file; returns what the server calls it.
  const sendFile = async (address, file, more, onProgress) => {
    const begun = await ask(address, "POST", { file: file.name, size_bytes: file.size, ...more });
    for (let at = 0; at < file.size; at += begun.piece_bytes) {
      const end = Math.min(at + begun.piece_bytes, file.size);
      await ask(`${address}/${begun.token}?offset=${at}`, "PUT", file.slice(at, end), "application/octet-stream");
      onProgress(end / file.size);
    }
    return begun.token;
  };

  const acceptDrops = (box, choose) => {
    box.addEventListener("dragover", (event) => { event.preventDefault(); box.classList.add("over"); });
    box.addEventListener("dragleave", () => box.classList.remove("over"));
    box.addEventListener("drop", (event) => {
      event.preventDefault();
      box.classList.remove("over");
      choose([...event.dataTransfer.files]);
    });
  };

  const buildTable = (box) => {
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
      const token = await sendFile(address, file, {}, (share) => {
        bar.value = share;
        status.textContent = `${Math.round(100 * share)} % sent`;
      });
      status.textContent = "Reading the table…";
      return ask(`${address}/${token}/finish`, "POST", { name: title.value.trim() });
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
    acceptDrops(box, (files) => choose(files[0]));
    box.append(
      make("label", {}, "Choose a CSV or Parquet file, or drop it here", picker), chosen,
      make("label", {}, "Name of the data asset", title), button, bar, status, problem);
  };

  const buildCode = (box) => {
    const { address, target } = box.dataset;
    const picker = make("input", { type: "file", multiple: true });
    const list = make("ul", {});
    const problem = make("div", { role: "alert" });
    const status = make("div", { role: "status", className: "studio-dim" });
    let sent = [];

    const show = () => {
      list.replaceChildren(...sent.map((one) => {
        const drop = make("button", { type: "button", textContent: "Remove", ariaLabel: `Remove ${one.name}` });
        drop.addEventListener("click", () => { sent = sent.filter((other) => other !== one); show(); });
        return make("li", {}, make("code", { textContent: one.name }), ` ${one.size} `, drop);
      }));
      dash_clientside.set_props(JSON.parse(target), { value: JSON.stringify(sent) });
    };

    const add = async (files) => {
      problem.textContent = "";
      picker.disabled = true;
      try {
        for (const file of files) {
          const token = await sendFile(address, file, { purpose: "code" }, (share) => {
            status.textContent = `${file.name}: ${Math.round(100 * share)} % sent`;
          });
          const size = file.size < 1024 ? `${file.size} bytes` : `${(file.size / 1024).toFixed(1)} KiB`;
          sent = [...sent.filter((one) => one.name !== file.name), { token, name: file.name, size }];
        }
        show();
      } catch (error) {
        problem.textContent = error.message;
      }
      status.textContent = "";
      picker.disabled = false;
      picker.value = "";
    };

    picker.addEventListener("change", () => add([...picker.files]));
    acceptDrops(box, add);
    box.append(make("label", {}, "Choose a zip of the folder or single files, or drop them here", picker), list, status, problem);
  };

  const buildAll = () => {
    document.querySelectorAll(".studio-upload:empty").forEach(buildTable);
    document.querySelectorAll(".studio-code-upload:empty").forEach(buildCode);
  };
  new MutationObserver(buildAll).observe(document.documentElement, { childList: true, subtree: true });
}
