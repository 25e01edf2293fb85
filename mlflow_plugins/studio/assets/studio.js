// Every call of the page to the server carries the workspace of its address, as MLflow's UI does.
const workspaceOfAddress = () => new URLSearchParams(location.search).get("workspace");

const withWorkspace = (headers) => {
  const all = new Headers(headers);
  const workspace = workspaceOfAddress();
  if (workspace) all.set("X-MLFLOW-WORKSPACE", workspace);
  return all;
};

// MLflow refuses requests for a workspace that does not exist, the page's own parts included.
const explainRefusal = (answer) => {
  if (answer.status !== 404 || !answer.url.endsWith("/_dash-layout")) return;
  const text = document.createElement("p");
  const back = document.createElement("a");
  text.append(`There is no workspace '${workspaceOfAddress()}'. `, back);
  text.className = "studio-refusal";
  text.role = "alert";
  back.href = answer.url.replace(/_dash-layout$/, "");
  back.textContent = "Open the default workspace.";
  document.body.prepend(text);
};

{
  const original = window.fetch;
  window.fetch = async (resource, options = {}) => {
    const address = new URL(resource.url || resource, location.href);
    if (address.origin !== location.origin || !workspaceOfAddress()) return original(resource, options);
    const answer = await original(resource, { ...options, headers: withWorkspace(options.headers) });
    explainRefusal(answer);
    return answer;
  };
}

const PAUSE_MS = 400; // after which a writer is taken to have paused
let nChanges = 0;

const LOG_LIMIT = 2_000_000; // characters kept on the page; the whole log is in the run's artifacts

const elementOf = (id) => document.getElementById(
  typeof id === "string" ? id : JSON.stringify(id, Object.keys(id).sort()));

const occurrences = (view, words) => {
  const ranges = [];
  const texts = document.createTreeWalker(view, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode.textContent.toLowerCase();
    for (let at = text.indexOf(words); at >= 0 && ranges.length < 10_000; at = text.indexOf(words, at + words.length)) {
      const range = new Range();
      range.setStart(texts.currentNode, at);
      range.setEnd(texts.currentNode, at + words.length);
      ranges.push(range);
    }
  }
  return ranges;
};

window.dash_clientside = Object.assign({}, window.dash_clientside, {
  studio: {
    toggle(_opened, _closed) {
      const trigger = dash_clientside.callback_context.triggered[0];
      if (!trigger || !trigger.value) return dash_clientside.no_update;
      return trigger.prop_id.includes('"part":"open"');
    },

    show_title(title, _path) {
      if (!title) return "";
      document.title = `${title} - MLflow Studio`;
      return `${title} is shown`;
    },

    toggle_navigation(opened, _path, navbar) {
      const wasPressed = dash_clientside.callback_context.triggered.some((one) => one.prop_id.startsWith("studio-burger"));
      const isOpen = wasPressed && Boolean(opened);
      return [{ ...navbar, collapsed: { mobile: !isOpen } }, isOpen];
    },

    // Hands the values on when none of them has changed for a moment (_outcome.py).
    settle(...values) {
      const own = ++nChanges;
      return new Promise((done) => setTimeout(
        () => done(own === nChanges ? values : dash_clientside.no_update), PAUSE_MS));
    },

    // Appends what is new, and shows the end if the reader wants to follow.
    append_log(slice, id, shown, follows) {
      const view = elementOf(id);
      if (!slice || !view || (shown !== undefined && slice.at < shown)) return dash_clientside.no_update;
      if (slice.text) view.append(slice.text);
      while (view.textContent.length > LOG_LIMIT && view.childNodes.length > 1) view.firstChild.remove();
      if (follows) view.scrollTop = view.scrollHeight;
      return slice.next;
    },

    // Marks every occurrence without touching the text; Enter goes from one to the next.
    search_log(words, nPressed, _shown, id) {
      const view = elementOf(id);
      if (!view || !CSS.highlights) return "";
      const ranges = words ? occurrences(view, words.toLowerCase()) : [];
      CSS.highlights.set("studio-found", new Highlight(...ranges));
      const chosen = ranges.length ? (nPressed || 0) % ranges.length : 0;
      CSS.highlights.set("studio-chosen", new Highlight(...ranges.slice(chosen, chosen + 1)));
      const isAsked = dash_clientside.callback_context.triggered.some((one) => !one.prop_id.includes('"part":"shown"'));
      if (isAsked && ranges.length) {
        const place = ranges[chosen].getBoundingClientRect();
        view.scrollTop += place.top - view.getBoundingClientRect().top - view.clientHeight / 2;
      }
      if (!words) return "";
      return ranges.length ? `${chosen + 1} of ${ranges.length}` : "not found";
    },
  },
});
