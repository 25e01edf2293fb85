"""Which paths a document from afar may name: addresses, and files that came with it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.data import masked, scheme_of
from mlflow_plugins.jobs.environments._requirements import check_below

_FILE = "file:"
_FILE_FIELDS = ("code", "trial", "conda_file", "requirements")
_NO_PATHS_WITHIN = (
    *("conda_file", "environment_variables", "files", "outputs", "properties", "requirements"),
    *("search_space", "services", "tags"),
)
_ADDRESSES = (
    *("azureml", "runs", "models", "mlflow-artifacts", "http", "https"),
    *("wasb", "wasbs", "abfs", "abfss", "adl", "az", "s3", "s3a", "gs", "gcs", "hf"),
)
_NO_FILES = "Upload it with the job, or give an address such as azureml:NAME@latest or https://…."


def check_paths(document: Mapping[str, Any], folder: Path) -> None:
    """Refuse every path that leads out of the folder.

    Raises:
        InvalidInput: There is one.
    """
    for field, path in _paths(document, ""):
        where = f"Field '{field}'"
        scheme = scheme_of(path) or path.partition(":")[0].lower()
        if scheme in _ADDRESSES and ":" in path:
            continue
        if "://" in path and scheme_of(path) != "file":
            raise InvalidInput(
                f"{where} is {masked(path)!r}, a kind of address that is not read for others. "
                f"{_NO_FILES}"
            )
        local = folder / path.removeprefix(_FILE).removeprefix("//")
        try:
            check_below(local, folder, where=where)
        except InvalidInput:
            raise InvalidInput(
                f"{where} is {path!r}, a path of your own machine. {_NO_FILES}"
            ) from None
        if not local.exists():
            raise InvalidInput(
                f"{where} is {path!r}, which is not among the uploaded files. {_NO_FILES}"
            )


def _paths(node: Any, place: str) -> Iterator[tuple[str, str]]:
    """Find what names a file: each field and its text."""
    if isinstance(node, list):
        for index, one in enumerate(node):
            yield from _paths(one, f"{place}{index}.")
    if not isinstance(node, Mapping):
        return
    for key, value in node.items():
        if isinstance(value, str):
            if _is_path(key, value, node):
                yield f"{place}{key}", value
        elif key == "inputs" and isinstance(value, Mapping):  # whatever they are called
            for name, one in value.items():
                yield from _paths(one, f"{place}{key}.{name}.")
        elif key not in _NO_PATHS_WITHIN:
            yield from _paths(value, f"{place}{key}.")


def _is_path(key: str, value: str, owner: Mapping[str, Any]) -> bool:
    if key == "environment":
        return value.startswith(_FILE)
    return key in _FILE_FIELDS or (key == "path" and "datastore" not in owner)
