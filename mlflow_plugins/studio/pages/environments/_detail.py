"""One environment: what a version asks for, what was made of it, all versions."""

from typing import TYPE_CHECKING, Any

import yaml
from dash import html
from dash.development.base_component import Component

from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.environments._parts import (
    DETAIL,
    KIND,
    LIST,
    MADE,
    NEW,
    made_of,
    packages_table,
    python_of,
    source_of,
    warnings_note,
)

if TYPE_CHECKING:
    from mlflow_plugins.core import Asset
    from mlflow_plugins.jobs.environments import PinnedEnvironment


class DetailPage:
    """The page of one environment asset."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._here = studio.live("environment-here", self._list_made, seconds=5.0)
        self._archive = studio.action("environment-archive", self._on_archive)
        studio.add_page(DETAIL, self.page, title="Environment")

    def page(self, name: str, version: str | None = None) -> Component:
        from mlflow_plugins.jobs.environments import pin_asset

        studio = self._studio
        asset = studio.assets().get(KIND, name, version)
        pinned = pin_asset(asset)
        job = studio.link("/jobs/new", environment=asset.reference)
        new = studio.link(NEW, name=name, version=asset.version)
        return ui.page(
            name,
            *warnings_note(pinned.not_applied),
            ui.columns(
                ui.stack(
                    [
                        ui.card("About", ui.key_values(_facts(asset, pinned))),
                        ui.card("Versions", self._versions(name, asset.version)),
                    ]
                ),
                ui.stack(
                    [
                        self._here(name=name, version=asset.version),
                        ui.card("Packages asked for", _packages(pinned)),
                    ]
                ),
            ),
            ui.code(definition(asset), label="As a file that would create it"),
            subtitle=asset.description or None,
            actions=[
                ui.button_link("New version", new, is_primary=False),
                ui.button_link("New job", job),
            ],
            back=("Environments", studio.link(LIST)),
        )

    def _list_made(self, name: str, version: str) -> Any:
        from mlflow_plugins.jobs import list_environments_here
        from mlflow_plugins.jobs.environments import pin_asset

        studio = self._studio
        pinned = pin_asset(studio.assets().get(KIND, name, version))
        if pinned.recipe is None:
            words = "Nothing is made: jobs run in the workspace's own environment."
            return ui.card("On this machine", html.P(words, className="studio-dim"))
        made = made_of(pinned, list_environments_here(studio.client()))
        if not made:
            words = (
                "Not made yet. The first job that asks for it makes it, or: mlflow-studio "
                f"environment build {name}:{version}"
            )
            return ui.card("On this machine", html.P(words, className="studio-dim"))
        rows = [
            [
                ui.link(one.hash[:10], studio.link(MADE, environment_hash=one.hash)),
                one.python or "-",
                str(len(one.packages)),
                ui.size(one.size_bytes),
                ui.ago(one.last_used_at),
            ]
            for one in made
        ]
        headings = ["Packages and log", "Python", "Packages", "Size", "Last used"]
        return ui.card("On this machine", ui.table(headings, rows, label="Made on this machine"))

    def _versions(self, name: str, shown: str) -> Component:
        studio = self._studio
        rows = [
            [
                html.Strong(asset.version)
                if asset.version == shown
                else ui.link(asset.version, studio.link(DETAIL, name=name, version=asset.version)),
                ui.ago(asset.created_at),
                asset.created_by,
                self._archive.button(
                    "Archive",
                    confirm=f"Version {asset.version} disappears from lists and is no longer the "
                    "latest. Jobs that name it still find it.",
                    look="plain",
                    name=name,
                    version=asset.version,
                ),
            ]
            for asset in studio.assets().versions(KIND, name)
        ]
        if not rows:
            return html.P("All are archived.", className="studio-dim")
        return ui.table(["Version", "Created", "Created by", ""], rows, label="Versions")

    def _on_archive(self, name: str, version: str) -> Any:
        from mlflow_plugins.jobs.environments import archive_environment

        studio = self._studio
        studio.check_edit(KIND)
        archive_environment(studio.client(), f"{name}:{version}")
        return studio.Done(
            message=f"Version {version} of {name} is archived.", go_to=studio.link(LIST)
        )


def definition(asset: "Asset") -> str:
    """Return an environment as a file that would create it."""
    about = {"name": asset.name, "version": asset.version, "description": asset.description}
    document = {**about, "tags": dict(asset.tags), **asset.spec}
    shown = {key: value for key, value in document.items() if value}
    return str(yaml.safe_dump(shown, sort_keys=False, allow_unicode=True))


def _facts(asset: "Asset", pinned: "PinnedEnvironment") -> dict[str, Any]:
    recipe = pinned.recipe
    return {
        "Version": html.Span([ui.tag(asset.version), " archived" if asset.is_archived else ""]),
        "Python": python_of(pinned),
        "Packages": str(len(recipe.requirements)) if recipe else None,
        "Installed by": {"conda": "micromamba where it is at hand, else uv", "pip": "uv"}.get(
            source_of(pinned)
        ),
        "Image": asset.spec.get("image"),
        "In job files": html.Code(f"environment: {asset.reference}"),
        "Created": ui.ago(asset.created_at),
        "Created by": asset.created_by,
        **{f"Tag {key}": value for key, value in asset.tags.items()},
    }


def _packages(pinned: "PinnedEnvironment") -> Component:
    recipe = pinned.recipe
    parts = [packages_table(recipe.requirements if recipe else (), label="Packages asked for")]
    if recipe is not None and recipe.conda is not None and recipe.conda.unavailable:
        missing = [f"{one}: {why}" for one, why in recipe.conda.unavailable.items()]
        parts.append(ui.note("; ".join(missing), title="Without micromamba it cannot be made"))
    if recipe is not None and recipe.options:
        parts.append(html.P(["Indexes: ", html.Code(" ".join(recipe.options))]))
    return ui.stack(parts)
