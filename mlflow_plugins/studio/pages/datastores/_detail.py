"""One datastore: what it is, whether it answers, what lies in it."""

from pathlib import PurePosixPath
from typing import Any

from dash import html
from dash.development.base_component import Component

from mlflow_plugins.core import Asset, StudioError
from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._failures import failure_of
from mlflow_plugins.studio._server_folders import open_for_page
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.data import NEW as NEW_DATA
from mlflow_plugins.studio.pages.datastores._parts import (
    DETAIL,
    KIND,
    LIST,
    WORDS,
    within_patience,
)

_MOST_SHOWN = 500


class DetailPage:
    """The page of one datastore, at one of its folders."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._check = studio.action("datastore-check", self._on_check)
        self._default = studio.action("datastore-default", self._on_default)
        self._delete = studio.action("datastore-delete", self._on_delete)
        studio.add_page(DETAIL, self.page, title="Datastore")

    def page(self, name: str, folder: str = "") -> Component:
        """Show what it is, and what is in one of its folders."""
        from mlflow_plugins.data.datastores import (
            WORKSPACE_NAMES,
            default_datastore,
            get_datastore,
        )

        studio = self._studio
        store = studio.assets()
        asset = get_datastore(store, name)
        is_default = default_datastore(store) == name
        is_ours = name in WORKSPACE_NAMES
        actions = [self._check.button("Test connection", look="plain", name=name)]
        if not is_default:
            actions.append(self._default.button("Make default", look="plain", name=name))
        if not is_ours and not is_default:
            actions.append(
                self._delete.button(
                    "Delete",
                    confirm=f"The name {name} is forgotten; what lies at its place stays there. "
                    "Data assets that refer to it cannot be read any more.",
                    look="danger",
                    name=name,
                )
            )
        return ui.page(
            name,
            self._check.result(),
            ui.card("About", ui.key_values(_facts(asset, is_default=is_default))),
            self._content(name, folder.strip("/"), is_table=asset.spec.get("type") == "sql"),
            subtitle=asset.description or None,
            actions=actions,
            back=("Datastores", studio.link(LIST)),
        )

    # ------------------------------------------------------------ what lies in it

    def _content(self, name: str, path: str, *, is_table: bool) -> Component:
        title = "Tables and views" if is_table else "Files"
        try:
            opened = open_for_page(self._studio.assets(), name)
            found = within_patience(lambda: opened.listing(path), what=f"The datastore {name!r}")
        except StudioError as error:
            return ui.card(title, ui.failure(failure_of(error)))
        entries = sorted(found, key=lambda one: (not one.is_dir, one.path))
        rows = [self._row(name, one, is_table=is_table) for one in entries[:_MOST_SHOWN]]
        here = ui.button_link(
            "Make an asset of this folder",
            self._studio.link(NEW_DATA, source="address", datastore=name, place=f"{path}/"),
            is_primary=False,
        )
        caption = "1 entry" if len(found) == 1 else f"{len(found):,} entries"
        if len(found) > len(rows):
            caption += f", of which the first {len(rows)} are shown"
        body = (
            ui.table(["Name", "Size", ""], rows, label=title)
            if rows
            else html.P("There is nothing here.", className="studio-dim")
        )
        return ui.card(
            title,
            self._crumbs(name, path),
            body,
            html.P(caption, className="studio-dim"),
            actions=[here] if path and not is_table else [],
        )

    def _crumbs(self, name: str, path: str) -> Component:
        parts: list[Any] = [ui.link(name, self._studio.link(DETAIL, name=name))]
        for parent in reversed(PurePosixPath(path).parents):
            if str(parent) != ".":
                address = self._studio.link(DETAIL, name=name, folder=str(parent))
                parts += [" / ", ui.link(parent.name, address)]
        if path:
            parts += [" / ", html.Strong(PurePosixPath(path).name)]
        return html.Nav(parts, **ui.attributes(aria_label="Folder"))

    def _row(self, name: str, one: Any, *, is_table: bool) -> list[Any]:
        studio = self._studio
        shown = PurePosixPath(one.path).name
        if one.is_dir:
            address = studio.link(DETAIL, name=name, folder=one.path)
            return [ui.link(f"{shown}/", address), "", self._make(name, f"{one.path}/", is_table)]
        size = "" if one.file_size is None else ui.size(one.file_size)
        return [html.Code(shown), size, self._make(name, one.path, is_table)]

    def _make(self, name: str, path: str, is_table: bool) -> Component:
        source = "query" if is_table else "address"
        address = self._studio.link(NEW_DATA, source=source, datastore=name, place=path)
        return ui.link("Make an asset of this", address)

    # ------------------------------------------------------------ what can be done

    def _on_check(self, name: str) -> Any:
        opened = open_for_page(self._studio.assets(), name)
        said = within_patience(opened.check, what=f"The datastore {name!r}")
        return self._studio.Done(show=ui.note(said, title="It answers", color="green"))

    def _on_default(self, name: str) -> Any:
        from mlflow_plugins.data.datastores import set_default_datastore

        self._studio.check_edit(KIND)
        set_default_datastore(self._studio.assets(), name)
        return self._studio.Done(
            message=f"{name} is the default now.", go_to=self._studio.link(LIST)
        )

    def _on_delete(self, name: str) -> Any:
        from mlflow_plugins.data.datastores import delete_datastore

        self._studio.check_edit(KIND)
        delete_datastore(self._studio.assets(), name)
        return self._studio.Done(message=f"{name} is forgotten.", go_to=self._studio.link(LIST))


def _facts(asset: Asset, *, is_default: bool) -> dict[str, Any]:
    spec = asset.spec
    kind = str(spec.get("type") or "workspace")
    own = {
        key.replace("_", " ").capitalize(): html.Code(str(value))
        for key, value in spec.items()
        if key not in ("type", "credentials")
    }
    credentials = {
        f"Credential {name.replace('_', ' ')}": html.Code(str(reference))
        for name, reference in (spec.get("credentials") or {}).items()
    }
    return {
        "Kind": WORDS.get(kind, kind),
        "Default": "yes" if is_default else None,
        "In job files": html.Code(f"azureml://datastores/{asset.name}/paths/PATH"),
        **(own if kind != "workspace" else {}),
        **credentials,
        "Created": ui.ago(asset.created_at),
        "Created by": asset.created_by,
    }
