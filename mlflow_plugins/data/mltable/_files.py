"""The files of a table: those of a folder, those that match a pattern, those at addresses."""

import fnmatch
import glob
import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mlflow_plugins.core import (
    AssetStore,
    InvalidInput,
    NotAllowed,
    NotFound,
    is_reference,
    parse_reference,
)
from mlflow_plugins.data._addresses import masked, parse_azureml, scheme_of
from mlflow_plugins.data._content import DATA, download_asset
from mlflow_plugins.data._places import fetch_place
from mlflow_plugins.data._remote import check_url
from mlflow_plugins.data.mltable._document import FILE_NAME, TablePath

_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file on this machine, and what people call it.

    Attributes:
        path: Where it lies now.
        shown: Its address, or its path if it was here from the beginning.
    """

    path: Path
    shown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finder:
    """Finds the files of a table.

    Attributes:
        base_folder: What relative paths count from.
        work_folder: Where files from elsewhere are put.
        store: Where datastores and assets are looked up; None if the table is by itself.
        stay_inside: Refuse paths of this machine outside of the base folder.
        keep_folders: Folders are wanted themselves, not the files in them (Delta Lake).
    """

    base_folder: Path
    work_folder: Path
    store: AssetStore | None
    stay_inside: bool
    keep_folders: bool

    def find(self, paths: Sequence[TablePath]) -> list[TableFile]:
        """Return the files of all paths, in order; those of one path by name.

        Raises:
            NotFound: A path has no file.
            NotAllowed: One leads out of the folder that it may not leave.
            InvalidInput: One is of a kind that cannot be read.
        """
        return [file for path in paths for file in self._find_one(path)]

    def _find_one(self, path: TablePath) -> list[TableFile]:
        if self._is_local(path.address):
            found = self._local(path)
            for file in found:
                self._check_inside(file.path, path.address)
        else:
            found = self._elsewhere(path)
        if not found:
            raise NotFound(
                f"There are no files at {path.kind} {masked(path.address)!r} "
                f"(relative paths count from {str(self.base_folder)!r})."
            )
        return found

    # ------------------------------------------------------------ this machine

    @staticmethod
    def _is_local(address: str) -> bool:
        return scheme_of(address) in ("", "file") and not is_reference(address)

    def _local(self, path: TablePath) -> list[TableFile]:
        address = path.address
        if scheme_of(address) == "file":
            address = unquote(urlsplit(address).path)
        where = self.base_folder / address
        if path.kind == "pattern":
            names = glob.glob(address, root_dir=self.base_folder, recursive=True)  # noqa: PTH207
            files = [self.base_folder / name for name in names]
            return _as_files(sorted(one for one in files if _is_data(one)))
        if path.kind == "file" and where.is_file():
            return _as_files([where])
        # Azure's own examples write 'file' for a folder.
        if where.is_dir():
            return _as_files([where] if self.keep_folders else sorted(_files_below(where)))
        return []

    def _check_inside(self, path: Path, address: str) -> None:
        if self.stay_inside and not path.resolve().is_relative_to(self.base_folder.resolve()):
            raise NotAllowed(
                f"The path {address!r} leads out of the table's folder to {str(path)!r}. Put the "
                "file into the folder, or give an address such as azureml://datastores/..."
            )

    # ------------------------------------------------------------ elsewhere

    def _elsewhere(self, path: TablePath) -> list[TableFile]:
        pattern = ""
        address = path.address
        if path.kind == "pattern":
            address, pattern = _split_pattern(address)
        folder = self.work_folder / str(len(list(self.work_folder.iterdir())))
        folder.mkdir()
        is_folder = path.kind != "file"
        fetched = self._fetch(address, folder, is_folder=is_folder)
        if fetched.is_file() or self.keep_folders:
            return [TableFile(fetched, masked(path.address))]
        shown = masked(address).rstrip("/")
        files = [
            (one, one.relative_to(fetched).as_posix()) for one in sorted(_files_below(fetched))
        ]
        return [
            TableFile(one, f"{shown}/{name}")
            for one, name in files
            if not pattern or _matches(name, pattern)
        ]

    def _fetch(self, address: str, folder: Path, *, is_folder: bool) -> Path:
        needs_store = is_reference(address) or parse_azureml(address) is not None
        if needs_store and self.store is None:
            raise InvalidInput(
                f"{address!r} lies in a workspace. Give the store of the workspace to read it."
            )
        if is_reference(address):
            assert self.store is not None  # noqa: S101  # checked above
            asset = self.store.resolve(DATA, parse_reference(address))
            return download_asset(self.store, asset, folder)
        if not needs_store:
            check_url(address, is_folder=is_folder)
        return fetch_place(self.store, address, folder, is_folder=is_folder)  # type: ignore[arg-type]


def _as_files(paths: Sequence[Path]) -> list[TableFile]:
    return [TableFile(path, str(path)) for path in paths]


def _files_below(folder: Path) -> Iterator[Path]:
    return (one for one in folder.rglob("*") if _is_data(one))


def _is_data(path: Path) -> bool:
    """Tell whether a file is one of the table's: not a hidden one, and not the MLTable file."""
    return path.is_file() and not path.name.startswith((".", "_")) and path.name != FILE_NAME


def _split_pattern(address: str) -> tuple[str, str]:
    """Split a pattern into the folder above its first wildcard, and the rest."""
    wild = _WILD.search(address)
    if wild is None:
        return posixpath.dirname(address), posixpath.basename(address)
    base = address[: wild.start()].rpartition("/")[0]
    return base, address[len(base) + 1 :]


def _matches(name: str, pattern: str) -> bool:
    """Match part by part, so that ``*`` stays within a folder and ``**`` goes below."""
    return _match_parts(name.split("/"), pattern.split("/"))


def _match_parts(names: Sequence[str], patterns: Sequence[str]) -> bool:
    if not patterns:
        return not names
    if patterns[0] == "**":
        return any(_match_parts(names[n:], patterns[1:]) for n in range(len(names) + 1))
    return (
        bool(names)
        and fnmatch.fnmatchcase(names[0], patterns[0])
        and _match_parts(names[1:], patterns[1:])
    )
