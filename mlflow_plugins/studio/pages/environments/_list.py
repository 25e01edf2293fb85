"""All environments: those that have a name, and those that this machine has made."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dash import html
from dash.development.base_component import Component

from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.environments._parts import (
    DETAIL,
    LIST,
    MADE,
    NEW,
    made_of,
    python_of,
    source_of,
)

if TYPE_CHECKING:
    from mlflow_plugins.core import Asset
    from mlflow_plugins.jobs.environments import CachedEnvironment


class ListPage:
    """The environments of the workspace and of this machine."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._rows = studio.live("environments", self._list, seconds=5.0)
        studio.add_page(
            LIST, self.page, title="Environments", icon="environments", section="Manage", order=62
        )

    def page(self, archived: str | None = None) -> Component:
        studio = self._studio
        other = (
            ui.link("Hide what is archived", studio.link(LIST))
            if archived
            else ui.link("Show what is archived, too", studio.link(LIST, archived=1))
        )
        return ui.page(
            "Environments",
            self._rows(archived=archived or ""),
            html.P(other),
            subtitle="Which Python and which packages a job gets. Made once, shared by all jobs "
            "that ask for the same.",
            actions=[ui.button_link("New environment", studio.link(NEW))],
        )

    def _list(self, archived: str = "") -> Any:
        from mlflow_plugins.jobs import list_environments_here
        from mlflow_plugins.jobs.environments import list_environments

        studio = self._studio
        client = studio.client()
        assets = list_environments(client, include_archived=bool(archived))
        cached = list_environments_here(client)
        return ui.stack([self._assets(assets, cached), self._machine(cached)])

    def _assets(
        self, assets: "Sequence[Asset]", cached: "Sequence[CachedEnvironment]"
    ) -> Component:
        if not assets:
            return ui.empty(
                "No environment yet",
                "An environment is a name for a Python and packages, with versions that never "
                "change. Paste a conda file or requirements, or run: "
                "mlflow-studio environment create -f FILE",
            )
        rows = [self._row(asset, cached) for asset in assets]
        headings = [
            "Name",
            "Latest",
            "Python",
            "Packages",
            "From",
            "On this machine",
            "Created",
            "Created by",
        ]
        return ui.table(headings, rows, label="Environments")

    def _row(self, asset: "Asset", cached: "Sequence[CachedEnvironment]") -> list[Any]:
        from mlflow_plugins.jobs.environments import pin_asset

        pinned = pin_asset(asset)
        made = made_of(pinned, cached)
        state: Any = "-"
        if made:
            state = html.Span([ui.badge("Ready"), f" {ui.size(made[0].size_bytes)}"])
        elif pinned.recipe is not None:
            state = html.Span("not made yet", className="studio-dim")
        name: Any = ui.link(asset.name, self._studio.link(DETAIL, name=asset.name))
        return [
            html.Span([name, " ", ui.tag("archived")]) if asset.is_archived else name,
            ui.tag(asset.version),
            python_of(pinned) if pinned.recipe else "-",
            str(len(pinned.recipe.requirements)) if pinned.recipe else "-",
            ui.tag(source_of(pinned)),
            state,
            ui.ago(asset.created_at),
            asset.created_by,
        ]

    def _machine(self, cached: "Sequence[CachedEnvironment]") -> Component:
        if not cached:
            words = "Nothing yet. The first job that asks for an environment makes it."
            return ui.card("Made on this machine", html.P(words, className="studio-dim"))
        rows = [
            [
                ui.link(one.title, self._studio.link(MADE, environment_hash=one.hash)),
                one.python or "-",
                str(len(one.packages)),
                ui.size(one.size_bytes),
                ui.badge("Running") if one.is_in_use else "-",
                ui.ago(one.last_used_at),
            ]
            for one in cached
        ]
        total = ui.size(sum(one.size_bytes for one in cached))
        headings = ["First made for", "Python", "Packages", "Size", "In use", "Last used"]
        return ui.card(
            "Made on this machine",
            ui.table(headings, rows, label="Environments of this machine"),
            actions=[html.Span(f"{len(cached)} with {total}", className="studio-dim")],
        )
