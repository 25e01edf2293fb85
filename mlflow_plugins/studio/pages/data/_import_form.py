"""The form of new data: its inputs, and what they say as an importer understands it."""

import contextlib
import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from mlflow_plugins.core import InvalidInput, StudioError
from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._upload_folder import Upload

# Fields that change what would come of it, in the order in which their values arrive.
SEEN = (
    *("token", "kind", "name", "types", "encoding", "delimiter", "has_header", "quote", "sheet"),
)

_ENCODINGS = (
    *("utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1", "iso8859-15", "cp1250", "cp1251"),
    *("shift_jis", "gb18030", "big5", "euc_kr"),
)
_KINDS = {
    "uri_file": "uri_file: a table or a file",
    "uri_folder": "uri_folder: files as they are",
    "mltable": "mltable: a folder that says how its table is read",
}


class Form:
    """Makes the inputs for an upload.

    Args:
        field: Returns the id of an input by its name.
        upload: What has come.
        token: Of the upload.
        name: Of the asset, if it is known.
        kind: Its type, if it is known.
    """

    def __init__(
        self,
        field: Callable[[str], dict[str, str]],
        upload: Upload,
        token: str,
        name: str,
        kind: str,
    ) -> None:
        self._field, self._upload, self._token = field, upload, token
        manifest = upload.manifest()
        self._source = (manifest["source"] or {}).get("kind")
        self._name = name or name_for(manifest["shown"])
        self._kind = kind if kind in _KINDS else default_kind(upload)

    def reading(self) -> Component:
        """Return what says how it is read."""
        hidden = [
            dcc.Input(id=self._field("token"), type="hidden", value=self._token),
            dcc.Input(id=self._field("types"), type="hidden", value="{}"),
        ]
        kind = self._select("kind", "Type", _KINDS, self._kind)
        if self._source == "reference":
            unused = [
                dcc.Input(id=self._field(name), type="hidden", value="")
                for name in SEEN
                if name not in ("token", "types", "kind", "name")
            ]
            return ui.card("What it is", ui.form(kind), *hidden, *unused)
        is_text = self._has(".csv", ".tsv", ".txt", ".dat") or self._has_archive()
        texts = dmc.SimpleGrid(
            [
                self._select(
                    "encoding",
                    "Encoding",
                    {"": "found out", **{one: one for one in _ENCODINGS}},
                    "",
                ),
                self._select(
                    "delimiter",
                    "Separator",
                    {
                        "": "found out",
                        ",": "comma ,",
                        ";": "semicolon ;",
                        "\t": "tab",
                        "|": "bar |",
                        " ": "space",
                    },
                    "",
                ),
                self._select(
                    "has_header",
                    "Header",
                    {"": "found out", "yes": "the first line", "no": "there is none"},
                    "",
                ),
                self._select(
                    "quote",
                    "Quotes",
                    {"": "found out", '"': 'double "', "'": "single '", "none": "none"},
                    "",
                ),
            ],
            cols={"base": 1, "xs": 2},
            spacing="sm",
        )
        lines = self._select(
            "on_bad_lines",
            "Lines that are no rows",
            {"refuse": "refuse the file", "keep-aside": "keep them aside, store the others"},
            "refuse",
        )
        stored = self._select(
            "stored",
            "Stored as",
            {"parquet": "Parquet, with the types above", "as-it-is": "the file as it is"},
            "parquet",
        )
        sheets = self._sheets()
        choices = {one: one for one in sheets} or {"": "-"}
        sheet = self._select("sheet", "Sheet", choices, next(iter(sheets), ""))
        return ui.card(
            "How it is read",
            ui.form(
                kind,
                html.Div(dmc.Stack([texts, lines], gap="sm"), hidden=not is_text),
                html.Div(sheet, hidden=not sheets),
                html.Div(stored, hidden=not is_text),
            ),
            *hidden,
        )

    def naming(self) -> Component:
        """Return what says what it is called."""
        field = self._field
        return ui.card(
            "What it is called",
            ui.form(
                dmc.TextInput(
                    id=field("name"),
                    label="Name of the data asset",
                    description="A name that exists gets its next version.",
                    value=self._name,
                ),
                dmc.TextInput(
                    id=field("version"),
                    label="Version",
                    description="Empty: the next number. Or a word of your own, such as 2024-q1.",
                    value="",
                ),
                dmc.Textarea(
                    id=field("description"), label="Description", value="", autosize=True, minRows=2
                ),
                dmc.TextInput(
                    id=field("tags"),
                    label="Tags",
                    description="team=risk, source=crm",
                    value="",
                ),
            ),
        )

    def _select(self, name: str, label: str, choices: Mapping[str, str], value: str) -> Component:
        select: Component = dmc.Select(
            id=self._field(name),
            label=label,
            data=[{"value": key or _FOUND_OUT, "label": text} for key, text in choices.items()],
            value=value or _FOUND_OUT,
            allowDeselect=False,
        )
        return select

    def _has(self, *suffixes: str) -> bool:
        return any(one.suffix.lower() in suffixes for one in self._upload.things())

    def _sheets(self) -> tuple[str, ...]:
        """Return the sheets of the first workbook; none if there is none that can be read."""
        from mlflow_plugins.data.importing import sheet_names

        books = [one for one in self._upload.things() if one.suffix.lower() in (".xlsx", ".xlsm")]
        with contextlib.suppress(StudioError):  # the glance says what is wrong with it
            return sheet_names(books[0], shown=books[0].name) if books else ()
        return ()

    def _has_archive(self) -> bool:
        from mlflow_plugins.data.importing import is_archive

        return any(is_archive(one.name) for one in self._upload.things())


_FOUND_OUT = "found-out"


def name_for(shown: str) -> str:
    """Return a name for an asset by what people call its source.

    Example:
        >>> name_for("https://host/data/my table (2).csv")
        'my-table-2'
    """
    plain = unicodedata.normalize("NFKD", shown).encode("ascii", "ignore").decode()
    last = plain.rstrip("/").rsplit("/", 1)[-1]
    stem = re.sub(r"(\.tar)?\.[A-Za-z0-9]+$", "", last)
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:100]


def default_kind(upload: Upload) -> str:
    """Tell what the files look like they shall be."""
    from mlflow_plugins.data.importing import is_archive, is_table

    source = upload.manifest()["source"] or {}
    if source.get("is_folder"):
        return "uri_folder"
    things = upload.things()
    if (upload.content / "MLTable").is_file():
        return "mltable"
    if len(things) > 1 and not all(is_table(one.name) for one in things):
        return "uri_folder"
    if any(is_archive(one.name) for one in things) and len(things) > 1:
        return "uri_folder"
    return "uri_file"


def table_of(upload: Upload, kind: str) -> Path | None:
    """Return the file to glance at; None if what has come is stored as it is."""
    from mlflow_plugins.data.importing import is_archive, is_table

    things = upload.things()
    if kind == "uri_folder" or (upload.content / "MLTable").is_file():
        return None
    tables = [one for one in things if is_table(one.name)]
    if tables:
        return tables[0]
    if len(things) == 1 and is_archive(things[0].name):
        return things[0]
    return None


# ---------------------------------------------------------------- what the inputs say


def _given(value: Any) -> str | None:
    return None if value in (None, "", _FOUND_OUT) else str(value)


def read_types(text: str | None) -> dict[str, str]:
    """Return the types that were chosen, by column; none if the field holds anything else."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def options_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of an import that the inputs say."""
    header, quote = _given(given.get("has_header")), _given(given.get("quote"))
    found = {
        "encoding": _given(given.get("encoding")),
        "delimiter": _given(given.get("delimiter")),
        "has_header": None if header is None else header == "yes",
        "quote": "" if quote == "none" else quote,
        "sheet": _given(given.get("sheet")),
        "types": read_types(given.get("types")) or None,
    }
    return {key: value for key, value in found.items() if value is not None}


def wish_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document of an asset that the inputs say. See `_uploads.read_wish`."""
    options = options_of(given) | {"on_bad_lines": given.get("on_bad_lines") or "refuse"}
    return {
        "name": given.get("name"),
        "version": given.get("version"),
        "description": given.get("description"),
        "type": given.get("kind"),
        "as_it_is": given.get("stored") == "as-it-is",
        "tags": read_tags(given.get("tags")),
        "options": options,
    }


def read_tags(text: str | None) -> dict[str, str]:
    """Return tags that were written as ``team=risk, source=crm``.

    Raises:
        InvalidInput: A part has no ``=``.
    """
    tags = {}
    for part in filter(None, (one.strip() for one in (text or "").split(","))):
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            raise InvalidInput(
                f"The tag {part!r} has no name and value. Write them as: team=risk, source=crm"
            )
        tags[key.strip()] = value.strip()
    return tags
