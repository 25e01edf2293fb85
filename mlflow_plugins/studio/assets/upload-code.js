// <div class="studio-code-upload" data-address=… data-target=…> becomes a chooser for code, which is sent
// (sending.js) and whose uploads are written into the value of its target.
{
  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  const build = (box) => {
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

    const send = async (file) => {
      const render = (view) => {
        if (view.state === "failed") problem.textContent = view.message;
        const share = view.total ? Math.round((100 * view.sent) / view.total) : 100;
        status.textContent = view.state === "waiting" ? view.message : `${file.name}: ${share} % sent`;
      };
      const token = await studioSending.start(address, [{ path: file.name, file }], { purpose: "code" }, render).ended;
      if (!token) return false;
      const size = file.size < 1024 ? `${file.size} bytes` : `${(file.size / 1024).toFixed(1)} KiB`;
      sent = [...sent.filter((one) => one.name !== file.name), { token, name: file.name, size }];
      return true;
    };

    const add = async (files) => {
      problem.textContent = "";
      picker.disabled = true;
      for (const file of files) if (!(await send(file))) break;
      show();
      status.textContent = "";
      picker.disabled = false;
      picker.value = "";
    };

    picker.addEventListener("change", () => add([...picker.files]));
    box.addEventListener("dragover", (event) => { event.preventDefault(); box.classList.add("over"); });
    box.addEventListener("dragleave", () => box.classList.remove("over"));
    box.addEventListener("drop", (event) => {
      event.preventDefault();
      box.classList.remove("over");
      add([...event.dataTransfer.files]);
    });
    box.append(make("label", {}, "Choose a zip of the folder or single files, or drop them here", picker), list, status, problem);
  };

  const buildAll = () => document.querySelectorAll(".studio-code-upload:empty").forEach(build);
  new MutationObserver(buildAll).observe(document.documentElement, { childList: true, subtree: true });
}
