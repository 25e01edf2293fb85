// <div class="studio-upload" data-address=… data-next=…> becomes a chooser for data: files, a folder, or
// what is dropped. It is sent at once (sending.js); then the page data-next is shown, where TOKEN
// stands for the upload.
{
  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  const size = (bytes) => {
    const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let at = 0;
    while (bytes >= 1024 && at < units.length - 1) { bytes /= 1024; at += 1; }
    return `${at ? bytes.toFixed(1) : bytes} ${units[at]}`;
  };

  const span = (seconds) => {
    if (seconds < 60) return `${Math.ceil(seconds)} s`;
    const minutes = Math.ceil(seconds / 60);
    return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  };

  const inWords = ({ state, message, sent, total, speed, left }) => {
    const share = `${size(sent)} of ${size(total)}`;
    if (state === "sending") {
      const parts = [`Sending: ${share}`];
      if (speed) parts.push(`${size(speed)}/s`, `${span(left)} left`);
      return [...parts, ...(message ? [message] : [])].join(" · ");
    }
    if (state === "waiting") return `Waiting for the server at ${share}. ${message}`;
    if (state === "paused") return `Paused at ${share}. What was sent is kept for a day.`;
    return { done: "Sent. Looking at it…", cancelled: "Cancelled; nothing is kept." }[state] || "";
  };

  // Files of a dropped or chosen folder have paths; the folder's own name is taken off all of them.
  const withPaths = (files) => {
    const paths = files.map((file) => file.studioPath || file.webkitRelativePath || file.name);
    const tops = new Set(paths.map((path) => (path.includes("/") ? path.split("/")[0] : "")));
    const [top] = tops;
    const isFolder = tops.size === 1 && top !== "";
    const listed = files.map((file, at) => ({ file, path: isFolder ? paths[at].slice(top.length + 1) : paths[at] }));
    const shown = isFolder ? top : files.length === 1 ? files[0].name : `${files.length} files`;
    return { listed, shown, isFolder };
  };

  // Reads dropped folders to their last file.
  const filesOf = async (transfer) => {
    const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.());
    if (!entries.some((entry) => entry?.isDirectory)) return [...transfer.files];
    const found = [];
    const walk = async (entry) => {
      if (entry.isFile) {
        const file = await new Promise((resolve, reject) => { entry.file(resolve, reject); });
        file.studioPath = entry.fullPath.replace(/^\//, "");
        found.push(file);
        return;
      }
      const reader = entry.createReader();
      for (;;) {
        const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
        if (!some.length) return;
        for (const one of some) await walk(one);
      }
    };
    for (const entry of entries.filter(Boolean)) await walk(entry);
    return found;
  };

  const build = (box) => {
    const { address, next } = box.dataset;
    const picker = make("input", { type: "file", multiple: true });
    const folder = make("input", { type: "file", webkitdirectory: true });
    const chooser = make("div", { className: "studio-upload-choose" },
      make("strong", { textContent: "Drop files or a folder here" }),
      make("span", { className: "studio-dim", textContent: "They are sent at once, in pieces: a dropped connection or a reloaded page loses nothing." }),
      make("div", { className: "studio-upload-pickers" },
        make("label", {}, "Choose files", picker), make("label", {}, "Choose a folder", folder)));
    const name = make("strong", {});
    const bar = make("progress", { max: 1, value: 0, ariaLabel: "Upload" });
    const status = make("div", { role: "status" });
    const problem = make("div", { role: "alert" });
    const hold = make("button", { type: "button", textContent: "Pause" });
    const stop = make("button", { type: "button", textContent: "Cancel", className: "plain" });
    const buttons = make("div", { className: "studio-upload-buttons" }, hold, stop);
    const progress = make("div", { className: "studio-upload-progress", hidden: true }, name, bar, status, buttons);
    const earlier = make("ul", { className: "studio-upload-earlier" });
    let sending = null, last = null;

    const render = (view) => {
      last = view;
      box.dataset.state = view.state;
      name.textContent = view.shown;
      bar.value = view.total ? view.sent / view.total : 1;
      const words = inWords(view);
      if (status.textContent !== words) status.textContent = words;
      hold.textContent = view.state === "paused" ? "Resume" : "Pause";
      hold.hidden = !["sending", "waiting", "paused"].includes(view.state);
      stop.hidden = ["done", "cancelled", "failed"].includes(view.state);
      if (view.state === "failed") problem.textContent = view.message;
    };

    const showEarlier = () => {
      const running = sending && ["sending", "waiting", "paused"].includes(last?.state) ? sending.key : "";
      earlier.replaceChildren(...studioSending.unfinished(address).filter((one) => one.key !== running).map((one) => {
        const drop = make("button", { type: "button", className: "plain", textContent: "Forget it", ariaLabel: `Forget ${one.shown}` });
        drop.addEventListener("click", () => {
          studioSending.forget(one.key);
          fetch(`${address}/${one.token}`, { method: "DELETE", headers: withWorkspace({}) }).catch(() => {});
          showEarlier();
        });
        return make("li", {}, `The upload of ${one.shown} (${size(one.total)}) was interrupted. Choose the same again to go on. `, drop);
      }));
    };

    const choose = async (files) => {
      if (!files.length) return;
      problem.textContent = "";
      const { listed, shown, isFolder } = withPaths(files);
      chooser.hidden = true;
      progress.hidden = false;
      sending = studioSending.start(address, listed, { shown }, render);
      showEarlier();
      const token = await sending.ended;
      if (token && box.isConnected) {
        const href = next.replace("TOKEN", token) + (isFolder ? `${next.includes("?") ? "&" : "?"}type=uri_folder` : "");
        dash_clientside.set_props("studio-location", { href });
      } else {
        chooser.hidden = false;
        picker.value = "";
        folder.value = "";
        if (last.state === "cancelled") progress.hidden = true;
        showEarlier();
      }
    };

    hold.addEventListener("click", () => (last?.state === "paused" ? sending.resume() : sending.pause()));
    stop.addEventListener("click", () => sending.cancel());
    picker.addEventListener("change", () => choose([...picker.files]));
    folder.addEventListener("change", () => choose([...folder.files]));
    box.addEventListener("dragover", (event) => { event.preventDefault(); box.classList.add("over"); });
    box.addEventListener("dragleave", () => box.classList.remove("over"));
    box.addEventListener("drop", async (event) => {
      event.preventDefault();
      box.classList.remove("over");
      if (!chooser.hidden) await choose(await filesOf(event.dataTransfer));
    });
    window.addEventListener("beforeunload", (event) => {
      if (box.isConnected && last?.state === "sending") event.preventDefault();
    });
    box.append(chooser, progress, problem, earlier);
    showEarlier();
  };

  const buildAll = () => document.querySelectorAll(".studio-upload:empty").forEach(build);
  new MutationObserver(buildAll).observe(document.documentElement, { childList: true, subtree: true });
}
