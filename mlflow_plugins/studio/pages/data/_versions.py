"""The versions of an asset: what each is called, who made it, what it changed."""

import time
from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from mlflow_plugins.core import Asset, InvalidInput
from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.data._import_form import read_tags
from mlflow_plugins.studio.pages.data._places import COMPARE, DATA, DETAIL

_LATEST = "latest"


class Versions:
    """The tab with all versions; labels, description and tags of the one that is shown."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._archive = studio.action("data-archive", self._on_archive)
        self._label = studio.action("data-label", self._on_label)
        self._unlabel = studio.action("data-unlabel", self._on_unlabel)
        self._words = studio.action("data-words", self._on_words)
        self._compare = studio.action("data-compare", self._on_compare)
        self._own_labels = studio.live("data-labels", self._render_labels, seconds=10)
        self._table = studio.live("data-versions", self._render, seconds=10)

    def section(self, asset: Asset) -> Component:
        """List the versions, the one that is shown in bold."""
        return ui.stack(
            [
                self._table(name=asset.name, shown=asset.version),
                ui.columns(self._comparing(asset), self._labelling(asset), self._describing(asset)),
            ]
        )

    # ------------------------------------------------------------ all of them

    def _all(self, name: str) -> list[Asset]:
        return self._studio.assets().versions(DATA, name, include_archived=True)

    def _render(self, name: str, shown: str) -> Component:
        found = self._all(name)
        rows = [
            self._row(one, found[at + 1] if at + 1 < len(found) else None, shown)
            for at, one in enumerate(found)
        ]
        headings = ["Version", "Labels", "Rows", "Size", "Created", "By", "Changes", ""]
        return ui.table(headings, rows, label="Versions")

    def _row(self, asset: Asset, before: Asset | None, shown: str) -> list[Any]:
        studio = self._studio
        address = studio.link(DETAIL, name=asset.name, version=asset.version)
        changes: Any = ""
        if before is not None and _is_table(asset) and _is_table(before):
            pair = {"old": before.version, "new": asset.version}
            changes = ui.link(
                f"since {before.version}", studio.link(COMPARE, name=asset.name, **pair)
            )
        is_shown = asset.version == shown
        return [
            html.Strong(asset.version) if is_shown else ui.link(asset.version, address),
            html.Span([*map(ui.tag, asset.labels), *(["archived"] if asset.is_archived else [])]),
            self._rows(asset),
            ui.size(asset.spec.get("size_bytes", 0)),
            ui.ago(asset.created_at),
            asset.created_by,
            changes,
            self._archiving(asset),
        ]

    def _rows(self, asset: Asset) -> Any:
        """Return how many there are, and the way to the lines that were none."""
        n_rows = ui.number(asset.spec.get("n_rows"))
        n_rejected = asset.spec.get("n_rejected")
        if not n_rejected:
            return n_rows
        words = f"{'1 line' if n_rejected == 1 else f'{n_rejected:,} lines'} kept aside"
        records = self._studio.assets().records
        if not records.client.list_artifacts(asset.record_id, "rejected"):
            return html.Span(f"{n_rows}; {words}")  # beside their source, by the command line
        place = records.experiment_id(DATA)
        address = self._studio.mlflow_link(
            f"experiments/{place}/runs/{asset.record_id}/artifacts/rejected"
        )
        return html.Span([n_rows, "; ", ui.outside(words, address)])

    def _archiving(self, asset: Asset) -> Component:
        values = {"name": asset.name, "version": asset.version}
        if asset.is_archived:
            return self._archive.button("Restore", look="plain", is_back=True, **values)
        return self._archive.button(
            "Archive",
            confirm=f"Version {asset.version} disappears from lists and from 'latest'. Jobs that "
            "name it still find it, and it can be restored here.",
            look="plain",
            is_back=False,
            **values,
        )

    def _on_archive(self, name: str, version: str, is_back: bool) -> Any:
        store = self._studio.assets()
        if is_back:
            store.restore(DATA, name, version)
        else:
            store.archive(DATA, name, version)
        what = "restored" if is_back else "archived"
        return self._studio.Done(message=f"Version {version} of {name} is {what}.")

    # ------------------------------------------------------------ two of them

    def _comparing(self, asset: Asset) -> Component:
        versions = [one.version for one in self._all(asset.name) if _is_table(one)]
        if len(versions) < 2:
            text = "There is one version that is a table; a second one can be compared with it."
            return ui.card("Compare", html.P(text, className="studio-dim"))
        field = self._compare.field
        new = asset.version if asset.version in versions else versions[0]
        at = versions.index(new)
        old = versions[at + 1] if at + 1 < len(versions) else versions[0]
        return ui.card(
            "Compare",
            ui.form(
                _select(field("old"), "From", versions, old),
                _select(field("new"), "To", versions, new),
                self._compare.result(),
                html.Div(self._compare.button("Compare", name=asset.name)),
            ),
        )

    def _on_compare(self, name: str, old: str, new: str) -> Any:
        if old == new:
            raise InvalidInput(f"Both are version {old!r}. Choose two that differ.")
        return self._studio.Done(go_to=self._studio.link(COMPARE, name=name, old=old, new=new))

    # ------------------------------------------------------------ the one that is shown

    def _labelling(self, asset: Asset) -> Component:
        name, version = asset.name, asset.version
        hint = (
            f"A word that points to version {asset.version} and can be moved, such as prod: jobs "
            f"name azureml:{asset.name}@prod. 'latest' is kept by us."
        )
        return ui.card(
            "Labels",
            html.P(hint, className="studio-dim"),
            self._own_labels(name=name, version=version),
            ui.form(
                dmc.TextInput(id=self._label.field("label"), label="Label", value=""),
                self._label.result(),
                html.Div(self._label.button("Set label", name=name, version=version)),
            ),
        )

    def _render_labels(self, name: str, version: str) -> Component:
        asset = self._studio.assets().get(DATA, name, version)
        own = [label for label in asset.labels if label != _LATEST]
        removing = [
            html.Li(
                [
                    ui.tag(label),
                    " ",
                    self._unlabel.button("Remove", look="plain", name=name, word=label),
                ]
            )
            for label in own
        ]
        return html.Ul(removing, className="studio-plain-list")

    def _on_label(self, name: str, version: str, label: str | None) -> Any:
        word = (label or "").strip()
        self._studio.assets().set_label(DATA, name, word, version)
        return self._studio.Done(message=f"{word} points to version {version}.")

    def _on_unlabel(self, name: str, word: str) -> Any:
        self._studio.assets().remove_label(DATA, name, word)
        return self._studio.Done(message=f"The label {word} is gone.")

    def _describing(self, asset: Asset) -> Component:
        field = self._words.field
        tags = ", ".join(f"{key}={value}" for key, value in asset.tags.items())
        return ui.card(
            f"Words about version {asset.version}",
            ui.form(
                dmc.Textarea(
                    id=field("description"),
                    label="Description",
                    value=asset.description,
                    autosize=True,
                    minRows=2,
                ),
                dmc.TextInput(
                    id=field("tags"), label="Tags", description="team=risk, source=crm", value=tags
                ),
                self._words.result(),
                html.Div(self._words.button("Save", name=asset.name, version=asset.version)),
            ),
        )

    def _on_words(self, name: str, version: str, description: str | None, tags: str | None) -> Any:
        store = self._studio.assets()
        asset = store.get(DATA, name, version)
        wanted = read_tags(tags)
        store.set_description(asset, (description or "").strip())
        store.set_tags(asset, wanted)
        for key in asset.tags.keys() - wanted.keys():
            store.delete_tag(asset, key)
        studio = self._studio
        # The heading above the tab has the description, too; the same address would not be shown
        # anew.
        again = {"tab": "versions", "saved": f"{time.time():.0f}"}
        address = studio.link(DETAIL, name=name, version=version, **again)
        return studio.Done(message="It is saved.", go_to=address)


def _is_table(asset: Asset) -> bool:
    return bool(asset.spec.get("schema"))


def _select(own_id: Any, label: str, choices: Sequence[str], value: str) -> Component:
    select: Component = dmc.Select(
        id=own_id, label=label, data=list(choices), value=value, allowDeselect=False
    )
    return select
