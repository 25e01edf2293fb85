// Loaded by MLflow's own page, not by the studio: an entry "Studio" beside those in its sidebar.
// It is a copy of the entry "Settings", so it looks as its neighbours do in every version.
{
  const ICON = "M2 2.75A.75.75 0 0 1 2.75 2h4.5v5.25H2zm6.75-.75h4.5a.75.75 0 0 1 .75.75V5H8.75zM2 8.75h5.25V14h-4.5a.75.75 0 0 1-.75-.75zm6.75-2.25H14v6.75a.75.75 0 0 1-.75.75h-4.5z";

  const address = () => {
    const query = location.hash.split("?")[1] || location.search.slice(1);
    const workspace = new URLSearchParams(query).get("workspace");
    return "./studio/" + (workspace ? `?workspace=${encodeURIComponent(workspace)}` : "");
  };

  const add = () => {
    if (document.getElementById("mlflow-studio-link")) return;
    const neighbour = document.querySelector('nav a[href*="#/settings"]')?.closest("li");
    if (!neighbour) return;
    const entry = neighbour.cloneNode(true);
    const link = entry.querySelector("a");
    for (const name of ["target", "rel", "aria-current"]) link.removeAttribute(name);
    link.id = "mlflow-studio-link";
    link.href = address();
    link.title = "Open MLflow Studio";
    const texts = document.createTreeWalker(link, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) texts.currentNode.textContent = "Studio";
    const icon = link.querySelector("svg");
    if (icon) icon.innerHTML = `<path fill="currentColor" d="${ICON}"/>`;
    link.addEventListener("click", () => { link.href = address(); });
    neighbour.parentElement.prepend(entry);
  };

  new MutationObserver(add).observe(document.body, { childList: true, subtree: true });
  add();
}
