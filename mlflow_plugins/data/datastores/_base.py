"""What every datastore can be asked, whatever keeps its files."""

from abc import ABC, abstractmethod
from pathlib import Path, PurePosixPath

from mlflow.entities import FileInfo

from mlflow_plugins.core import InvalidInput, NotFound
from mlflow_plugins.data._transfer import Fingerprint


class Datastore(ABC):
    """A place for files at names of their own, without versions.

    Attributes:
        name: Its name in the workspace.
        kind: Such as ``s3``; ``workspace`` for the workspace's own.
    """

    name: str
    kind: str

    def address(self, path: str = "") -> str:
        """Return what job files call a place in this datastore."""
        return f"azureml://datastores/{self.name}/paths/{inside(path)}"

    @abstractmethod
    def uri(self, path: str = "") -> str:
        """Return the address by which a program reads a place itself."""

    @abstractmethod
    def upload(self, source: Path, path: str) -> str:
        """Copy a file, or what is in a folder, to a place in this datastore; return its path there.

        Args:
            source: A file or folder on this machine.
            path: Where it goes. A file goes below it if it ends in ``/`` or is empty; otherwise it
                is the file's new name.

        Raises:
            NotFound: There is no such file or folder.
            InvalidInput: The place lies outside of the datastore, or nothing can be written to it.
        """

    @abstractmethod
    def listing(self, path: str = "") -> list[FileInfo]:
        """List what is directly in a folder; paths count from the datastore."""

    @abstractmethod
    def look_up(self, path: str, *, is_folder: bool = False) -> Fingerprint | None:
        """Return what a place says about itself; None if there is no answer, or no access.

        Raises:
            NotFound: The place answers that there is nothing.
        """

    @abstractmethod
    def fingerprints(self, path: str) -> dict[str, Fingerprint] | None:
        """Return what each file below a place says about itself, by its path below it.

        None if there is no answer, or no access.

        Raises:
            NotFound: There is nothing.
        """

    @abstractmethod
    def fetch(self, path: str, folder: Path, *, is_folder: bool = False) -> Path:
        """Copy a file or folder into a folder of this machine; return where it lies.

        Raises:
            NotFound: There is nothing.
            StudioError: It cannot be read; the message says why.
        """

    @abstractmethod
    def check(self) -> str:
        """Reach it once with its credentials; return a sentence about what is there.

        Raises:
            StudioError: It cannot be reached; the message says why.
        """


def inside(path: str) -> str:
    """Return a path without needless parts.

    Raises:
        InvalidInput: It leads out of the datastore.
    """
    parts = [part for part in PurePosixPath(path.strip("/")).parts if part != "."]
    if ".." in parts:
        raise InvalidInput(f"The path {path!r} leads out of the datastore. Leave '..' out.")
    return "/".join(parts)


def target_of(source: Path, path: str) -> str:
    """Return where in a datastore a file or folder of this machine goes. See `Datastore.upload`.

    Raises:
        NotFound: There is no such file or folder.
        InvalidInput: The place lies outside of the datastore.
    """
    if not source.exists():
        raise NotFound(f"There is no file or folder {str(source)!r}.")
    target = PurePosixPath(inside(path))
    if source.is_file() and (not path or path.endswith("/")):
        target /= source.name
    return inside(str(target))
