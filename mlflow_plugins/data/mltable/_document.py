"""The file ``MLTable``: which files, how they are read, and what becomes of their rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlflow_plugins.core import InvalidInput, did_you_mean
from mlflow_plugins.core.yaml_files import parse_yaml

FILE_NAME = "MLTable"

_FIELDS = (
    "$schema",
    "type",
    "paths",
    "transformations",
    "metadata",
    "traits",
    "name",
    "version",
    "description",
    "tags",
)
_PATH_KINDS = ("file", "folder", "pattern")
_COMMON = ("include_path_column", "path_column", "partition_format")
READERS: Mapping[str, tuple[str, ...]] = {
    "read_delimited": (
        *_COMMON,
        "delimiter",
        "encoding",
        "header",
        "empty_as_string",
        "infer_column_types",
        "support_multi_line",
    ),
    "read_parquet": _COMMON,
    "read_json_lines": (*_COMMON, "encoding", "invalid_lines"),
    "read_delta_lake": (*_COMMON, "timestamp_as_of", "version_as_of"),
}
STEPS = (
    "convert_column_types",
    "drop_columns",
    "extract_columns_from_partition_format",
    "filter",
    "keep_columns",
    "skip",
    "take",
    "take_random_sample",
)
_SYNONYMS = {
    "extract_partition_format_into_columns": "extract_columns_from_partition_format",
    "partition_format": "extract_columns_from_partition_format",
}
HEADERS = (
    "no_header",
    "from_first_file",
    "all_files_different_headers",
    "all_files_same_headers",
)
ENCODINGS: Mapping[str, str] = {
    "utf8": "utf-8",
    "utf-8": "utf-8",
    "utf8bom": "utf-8",
    "ascii": "utf-8",
    "iso88591": "iso-8859-1",
    "latin1": "iso-8859-1",
    "utf16": "utf-16",
    "utf32": "utf-32",
    "windows1252": "cp1252",
}


@dataclass(frozen=True, slots=True)
class TablePath:
    """Where some of the files are: ``kind`` is file, folder or pattern."""

    kind: str
    address: str


@dataclass(frozen=True, slots=True)
class Step:
    """One transformation by its name, with what it was given."""

    name: str
    given: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """What an MLTable file says.

    Attributes:
        paths: Where the files are.
        reader: The transformation that reads them; ``none`` if the table is a list of files.
        options: Of the reader.
        steps: The other transformations in their order.
    """

    paths: Sequence[TablePath]
    reader: str
    options: Mapping[str, Any] = field(default_factory=dict)
    steps: Sequence[Step] = ()


def read_blueprint(path: Path) -> Blueprint:
    """Read an MLTable file.

    Args:
        path: The file, or the folder that has it.

    Raises:
        InvalidInput: There is none, or it breaks a rule.
    """
    file = path / FILE_NAME if path.is_dir() else path
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"{str(file)!r} cannot be read ({type(error).__name__}). A table of type 'mltable' is "
            f"a folder with a file {FILE_NAME} that says which files are its rows."
        ) from error
    document = parse_yaml(text, file)
    if not isinstance(document, Mapping):
        raise InvalidInput(f"{file}: an {FILE_NAME} file is one YAML mapping with 'paths'.")
    try:
        return parse_blueprint(document)
    except InvalidInput as error:
        raise InvalidInput(f"{file}: {error.message}") from error


def parse_blueprint(document: Mapping[str, Any]) -> Blueprint:
    """Read what an MLTable file says.

    Raises:
        InvalidInput: It breaks a rule.
    """
    for name in document:
        if name not in _FIELDS:
            raise InvalidInput(
                f"Field {name!r} is unknown. The fields of an MLTable are: {', '.join(_FIELDS)}."
                f"{did_you_mean(str(name), _FIELDS)}"
            )
    if document.get("type", "mltable") != "mltable":
        raise InvalidInput(f"Field 'type' is {document['type']!r}. It must be 'mltable'.")
    steps = [_step(one) for one in document.get("transformations") or []]
    readers = [one for one in steps if one.name in READERS]
    if len(readers) > 1:
        names = " and ".join(one.name for one in readers)
        raise InvalidInput(f"There are {names}. Files are read in one way: keep one of them.")
    reader = readers[0] if readers else Step("none", {})
    return Blueprint(
        paths=_paths(document.get("paths")),
        reader=reader.name,
        options=_options(reader),
        steps=tuple(one for one in steps if one.name not in READERS),
    )


def _paths(given: Any) -> tuple[TablePath, ...]:
    if not isinstance(given, list) or not given:
        raise InvalidInput(
            "Field 'paths' is missing or empty. It is a list of: - file: ADDRESS, "
            "- folder: ADDRESS or - pattern: ADDRESS."
        )
    found = []
    for one in given:
        kinds = [key for key in one if key in _PATH_KINDS] if isinstance(one, Mapping) else []
        if len(kinds) != 1 or len(one) != 1 or not isinstance(one[kinds[0]], str):
            raise InvalidInput(
                f"Field 'paths' has {one!r}. Each entry has one of: {', '.join(_PATH_KINDS)}, "
                "and an address."
            )
        found.append(TablePath(kinds[0], one[kinds[0]]))
    return tuple(found)


def _step(one: Any) -> Step:
    if isinstance(one, str):
        one = {one: None}
    if not isinstance(one, Mapping) or len(one) != 1:
        raise InvalidInput(
            f"Field 'transformations' has {one!r}. Each entry is one transformation, such as "
            "- take: 10."
        )
    name, given = next(iter(one.items()))
    name = _SYNONYMS.get(name, name)
    known = (*READERS, *STEPS)
    if name not in known:
        raise InvalidInput(
            f"The transformation {name!r} is unknown. There are: {', '.join(known)}."
            f"{did_you_mean(str(name), known)}"
        )
    return Step(name, given)


def _options(reader: Step) -> Mapping[str, Any]:
    options = reader.given or {}
    if reader.name == "none":
        return {}
    if not isinstance(options, Mapping):
        raise InvalidInput(f"The transformation {reader.name!r} takes a mapping of options.")
    known = READERS[reader.name]
    for name in options:
        if name not in known:
            raise InvalidInput(
                f"The option {name!r} of {reader.name!r} is unknown. There are: "
                f"{', '.join(known)}.{did_you_mean(str(name), known)}"
            )
    _check_word(reader.name, options, "header", HEADERS)
    _check_word(reader.name, options, "encoding", tuple(ENCODINGS))
    _check_word(reader.name, options, "invalid_lines", ("error", "drop"))
    _check_delta(reader.name, options)
    for name in ("empty_as_string", "include_path_column", "support_multi_line"):
        if not isinstance(options.get(name, False), bool):
            raise InvalidInput(f"The option {name!r} must be true or false.")
    return options


def _check_word(reader: str, options: Mapping[str, Any], name: str, words: Sequence[str]) -> None:
    given = options.get(name)
    if given is not None and str(given).lower() not in words:
        raise InvalidInput(
            f"The option {name!r} of {reader!r} is {given!r}. It must be one of: "
            f"{', '.join(words)}.{did_you_mean(str(given), words)}"
        )


def _check_delta(reader: str, options: Mapping[str, Any]) -> None:
    if reader != "read_delta_lake":
        return
    if "timestamp_as_of" in options and "version_as_of" in options:
        raise InvalidInput("read_delta_lake takes 'timestamp_as_of' or 'version_as_of', not both.")
    version = options.get("version_as_of")
    if version is not None and (isinstance(version, bool) or not isinstance(version, int)):
        raise InvalidInput(f"The option 'version_as_of' is {version!r}. It must be a number.")
