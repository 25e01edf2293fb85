"""The files of an asset: their names and sizes, and one of them at a time."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mlflow_plugins.core import Asset, AssetStore, InvalidInput, NotFound, StudioError
from mlflow_plugins.data._content import FOLDER, download_asset, home_of
from mlflow_plugins.data._places import fetch_place, list_place, look_up_place

MOST_FILES = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFile:
    """A file of a folder; its size is None where the place does not say."""

    path: str
    size_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The files of a folder in the order of their paths.

    Attributes:
        files: At most `MOST_FILES`.
        is_complete: Whether these are all.
    """

    files: tuple[ListedFile, ...]
    is_complete: bool


def list_files(store: AssetStore, asset: Asset) -> Listing:
    """List the files of an asset; of a file, itself.

    Raises:
        StudioError: Its place does not answer.
    """
    if asset.spec["type"] == "uri_file":
        only = ListedFile(path=_name_of(asset), size_bytes=asset.spec.get("size_bytes") or None)
        return Listing(files=(only,), is_complete=True)
    if asset.spec.get("is_reference"):
        found = list_place(store, str(asset.spec["path"]))
        if found is None:
            raise StudioError(
                f"{asset.spec['path']} does not say which files it has, or not to this machine."
            )
        files = [ListedFile(path=path, size_bytes=one.size_bytes) for path, one in found.items()]
        files.sort(key=lambda one: one.path)
        return Listing(files=tuple(files[:MOST_FILES]), is_complete=len(files) <= MOST_FILES)
    return _stored_files(store, asset)


def fetch_file(
    store: AssetStore, asset: Asset, path: str, folder: Path, *, most_bytes: int
) -> Path:
    """Bring one file of an asset to this machine.

    Args:
        store: The asset's store.
        asset: Any data asset.
        path: As `list_files` has it.
        folder: An empty folder for it.
        most_bytes: A larger file is left where it is, if its place says how large it is.

    Raises:
        InvalidInput: The path leads out of the asset, or the file is too large.
        NotFound: There is no such file.
    """
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or "\\" in path or not parts.parts:
        raise InvalidInput(f"{path!r} is not the path of a file of {asset.reference}.")
    n_bytes = _size_of(store, asset, path)
    if n_bytes is not None and n_bytes > most_bytes:
        raise InvalidInput(
            f"{path!r} has {n_bytes:,} bytes, and at most {most_bytes:,} are brought here. "
            "Read it in a job or a notebook."
        )
    if asset.spec["type"] == "uri_file":
        return download_asset(store, asset, folder)
    if asset.spec.get("is_reference"):
        return fetch_place(store, _address(asset, path), folder, is_folder=False)
    client = store.records.client
    return Path(client.download_artifacts(home_of(asset), f"{FOLDER}/{path}", str(folder)))


def _size_of(store: AssetStore, asset: Asset, path: str) -> int | None:
    if asset.spec["type"] == "uri_file":
        return int(asset.spec.get("size_bytes") or 0) or None
    if asset.spec.get("is_reference"):
        found = look_up_place(store, _address(asset, path), is_folder=False)
        return found.size_bytes if found else None
    artifact = f"{FOLDER}/{path}"
    siblings = store.records.client.list_artifacts(
        home_of(asset), str(PurePosixPath(artifact).parent)
    )
    for one in siblings:
        if one.path == artifact and not one.is_dir:
            return int(one.file_size) if one.file_size is not None else None
    raise NotFound(f"{asset.reference} has no file {path!r}. Choose one from its list.")


def _address(asset: Asset, path: str) -> str:
    return f"{str(asset.spec['path']).rstrip('/')}/{path}"


def _name_of(asset: Asset) -> str:
    address = str(asset.spec.get("file") or asset.spec["path"])
    return PurePosixPath(address.partition("?")[0]).name or "file"


def _stored_files(store: AssetStore, asset: Asset) -> Listing:
    client, home = store.records.client, home_of(asset)
    files: list[ListedFile] = []
    waiting = [FOLDER]
    while waiting and len(files) <= MOST_FILES:
        for one in client.list_artifacts(home, waiting.pop()):
            if one.is_dir:
                waiting.append(one.path)
            else:
                path = one.path.removeprefix(f"{FOLDER}/")
                files.append(ListedFile(path=path, size_bytes=one.file_size))
    files.sort(key=lambda one: one.path)
    is_complete = not waiting and len(files) <= MOST_FILES
    return Listing(files=tuple(files[:MOST_FILES]), is_complete=is_complete)
