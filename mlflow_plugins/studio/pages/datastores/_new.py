"""A new datastore: a form for each kind, tried before it is stored."""

from collections.abc import Iterable, Mapping
from typing import Any

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.data import check_place
from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.datastores._parts import (
    DETAIL,
    KIND,
    LIST,
    NEW,
    WORDS,
    within_patience,
)

_OWN, _CREDENTIAL = "own_", "credential_"
_HINTS = {
    "url": {
        "http": "https://example.com/data/",
        "sql": "postgresql+psycopg://db.example.com/sales, without a password",
    },
    "endpoint": "Empty: the provider's own.",
    "prefix": "A folder in it; empty: all of it.",
    "host_key": "ssh-ed25519 AAAA…, as ssh-keyscan prints it.",
    "path": "A folder on every machine that uses it.",
}


class NewPage:
    """The page with the form."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._create = studio.action("datastore-create", self._on_create)
        studio.add_page(NEW, self.page, title="New datastore")

    def page(self, type: str = "s3") -> Component:  # noqa: A002 - the query of its address
        """Show the form of one kind."""
        from mlflow_plugins.data.datastores import KINDS

        if type not in KINDS:
            raise InvalidInput(f"There is no kind {type!r}. There are: {', '.join(KINDS)}.")
        studio, kind = self._studio, KINDS[type]
        kinds = [one for one in WORDS if one in KINDS]
        addresses = {WORDS[one]: studio.link(NEW, type=one) for one in kinds}
        required = [self._text(type, name, is_needed=True) for name in kind.required]
        optional = [self._text(type, name, is_needed=False) for name in kind.optional]
        return ui.page(
            "New datastore",
            ui.tabs(addresses, current=WORDS[type], label="Kinds of datastores"),
            ui.columns(
                ui.card(
                    "The place",
                    ui.form(
                        dmc.TextInput(
                            id=self._create.field("name"), label="Name", value="", required=True
                        ),
                        *required,
                        *optional,
                        dmc.TextInput(
                            id=self._create.field("description"), label="Description", value=""
                        ),
                    ),
                ),
                self._credentials(type),
            ),
            self._create.result(),
            html.Div(
                [
                    self._create.button("Test connection", look="plain", kind=type, is_test=True),
                    self._create.button("Create", kind=type, is_test=False),
                ],
                className="studio-actions",
            ),
            subtitle="A name that exists is changed; what lies at the place is left alone.",
            back=("Datastores", studio.link(LIST)),
        )

    def _text(self, kind: str, name: str, *, is_needed: bool) -> Component:
        hint = _HINTS.get(name, "")
        text: Component = dmc.TextInput(
            id=self._create.field(_OWN + name),
            label=name.replace("_", " ").capitalize(),
            description=hint.get(kind, "") if isinstance(hint, Mapping) else hint,
            required=is_needed,
            value="",
        )
        return text

    def _credentials(self, kind_name: str) -> Component:
        from mlflow_plugins.data.datastores import KINDS

        kind = KINDS[kind_name]
        if not kind.credentials:
            return ui.card("Credentials", html.P("This kind has none.", className="studio-dim"))
        names = list(dict.fromkeys([*_flat(kind.credentials), *kind.extras]))
        choices = "; or ".join(" and ".join(one) for one in kind.credentials)
        return ui.card(
            "Credentials",
            html.P(
                [
                    "Where each secret is, never the secret itself: ",
                    html.Code("env:NAME"),
                    ", a variable of the process that reads; ",
                    html.Code("keyring:SERVICE/USER"),
                    "; ",
                    html.Code("file:PATH"),
                    (
                        f". One of: {choices}. All left empty: those in the environment of each "
                        "process, or a public place."
                    ),
                ],
                className="studio-dim",
            ),
            ui.form(
                *(
                    dmc.TextInput(
                        id=self._create.field(_CREDENTIAL + name),
                        label=name.replace("_", " ").capitalize(),
                        placeholder="env:NAME",
                        autoComplete="off",
                        value="",
                    )
                    for name in names
                )
            ),
        )

    def _on_create(self, kind: str, is_test: bool, **given: Any) -> Any:
        from mlflow_plugins.data.datastores import create_datastore, open_document, read_document

        studio = self._studio
        studio.check_edit(KIND)
        document = document_of(kind, given)
        read = read_document(document)
        if is_test:
            check_place(read.name, read.spec)
            opened = open_document(document)
            said = within_patience(opened.check, what=f"The place of {read.name!r}")
            return studio.Done(show=ui.note(said, title="It answers", color="green"))
        if kind == "local":
            check_place(read.name, read.spec)
        asset = create_datastore(studio.assets(), document)
        return studio.Done(
            message=f"The datastore {asset.name} is there.",
            go_to=studio.link(DETAIL, name=asset.name),
        )


def document_of(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document that the form's inputs describe; empty ones are left out."""
    filled = {key: str(value).strip() for key, value in given.items() if str(value or "").strip()}
    own: dict[str, Any] = {
        key.removeprefix(_OWN): value for key, value in filled.items() if key.startswith(_OWN)
    }
    if own.get("port", "").isdecimal():
        own["port"] = int(own["port"])
    credentials = {
        key.removeprefix(_CREDENTIAL): value
        for key, value in filled.items()
        if key.startswith(_CREDENTIAL)
    }
    document = {"type": kind, "name": filled.get("name", ""), **own}
    if "description" in filled:
        document["description"] = filled["description"]
    if credentials:
        document["credentials"] = credentials
    return document


def _flat(sets: Iterable[Iterable[str]]) -> list[str]:
    return [field for one in sets for field in one]
