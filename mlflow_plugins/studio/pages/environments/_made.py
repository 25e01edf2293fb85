"""One environment as it was made on this machine: its packages, and what was said meanwhile."""

from dash import html
from dash.development.base_component import Component

from mlflow_plugins.core import NotFound
from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.environments._parts import LIST, MADE, packages_table


class MadePage:
    """The page of one folder of this machine's cache."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        studio.add_page(MADE, self.page, title="Environment on this machine")

    def page(self, environment_hash: str) -> Component:
        from mlflow_plugins.jobs import list_environments_here, read_environment_log

        studio = self._studio
        client = studio.client()
        found = {one.hash: one for one in list_environments_here(client)}
        if environment_hash not in found:
            raise NotFound(
                "No agent of this machine keeps that environment: it was dropped to make room, or "
                "another machine has it. The log of the job that made it has what was said."
            )
        one = found[environment_hash]
        facts = {
            "Python": one.python or "none",
            "Packages": str(len(one.packages)),
            "Size": ui.size(one.size_bytes),
            "In use": "by a job that runs now" if one.is_in_use else "not now",
            "Made": ui.ago(one.created_at),
            "Last used": ui.ago(one.last_used_at),
            "Folder": html.Code(str(one.folder)),
            "Hash": html.Code(one.hash),
        }
        differs = "; ".join(one.differences)
        note = [ui.note(differs, title="Other than asked for", color="orange")] if differs else []
        log = read_environment_log(client, environment_hash)
        return ui.page(
            one.title,
            *note,
            ui.columns(
                ui.card("About", ui.key_values(facts)),
                ui.card("Packages", packages_table(one.packages, label="Installed packages")),
            ),
            ui.code(log or "Nothing was said.", label="What was said when it was made"),
            subtitle="An environment as it was made on this machine, first for the name above.",
            back=("Environments", studio.link(LIST)),
        )
