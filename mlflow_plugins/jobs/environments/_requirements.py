"""Requirement files and lists of requirements, in the canonical form of a recipe."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.jobs.environments._recipe import canonical_requirement

_COMMENT = re.compile(r"(^|\s)#.*$")
_OPTION = re.compile(r"(?P<name>--?[A-Za-z][\w-]*)(?:[ =]\s*|(?<=^-r))(?P<value>\S.*)?$")
_PLACE = re.compile(r"[./~]|(?!\S+\s*@\s)\S*(?:://|\.whl$|\.tar\.gz$|\.zip$)")
_FILES = ("-r", "--requirement")
_INDEXES = {
    "-i": "--index-url",
    "--index-url": "--index-url",
    "--extra-index-url": "--extra-index-url",
    "-f": "--find-links",
    "--find-links": "--find-links",
    "--no-index": "--no-index",
    "--pre": "--pre",
    "--no-binary": "--no-binary",
    "--only-binary": "--only-binary",
}
_HARMLESS = ("--require-hashes", "--prefer-binary", "--trusted-host", "--use-feature")


@dataclass(slots=True)
class Requirements:
    """Lines that were read, sorted out.

    Attributes:
        requirements: In canonical form.
        options: Package indexes.
        root: See `read_text`.
    """

    root: Path | None = None
    requirements: set[str] = field(default_factory=set)
    options: list[str] = field(default_factory=list)

    def read_file(self, path: Path, *, where: str) -> None:
        """Add a file's lines, and those of the files that it names.

        Raises:
            InvalidInput: It is not there, or a line is not a requirement.
        """
        self.read_lines(
            read_text(path, where=where, root=self.root).splitlines(),
            folder=path.parent,
            where=f"{where} ({path.name})",
        )

    def read_lines(self, lines: Iterable[str], *, folder: Path | None, where: str) -> None:
        """Add lines in pip's language.

        Args:
            lines: Of a file, or of a list in a file.
            folder: What the files that they name count from; None if there are no files.
            where: What they are, for messages.

        Raises:
            InvalidInput: A line is not a requirement.
        """
        for line in _joined(lines):
            if line.startswith("-"):
                self._read_option(line, folder, where)
            elif _PLACE.match(line):
                self._read_place(line, where)
            else:
                self.requirements.add(canonical_requirement(line, where=where))

    def _read_option(self, line: str, folder: Path | None, where: str) -> None:
        match = _OPTION.match(line)
        name = match["name"] if match else line
        value = (match["value"] or "").strip() if match else ""
        if name in _HARMLESS:
            return
        if name in _INDEXES:
            option = f"{_INDEXES[name]} {value}".strip()
            if value.startswith(("file:", "/", ".")):
                raise _one_machine(line, where)
            if option not in self.options:
                self.options.append(option)
        elif name in _FILES and folder is not None:
            self.read_file(folder / value, where=where)
        elif name in ("-e", "--editable") or name in _FILES:
            raise _one_machine(line, where)
        else:
            known = ", ".join(sorted({*_FILES, *_INDEXES}))
            raise InvalidInput(
                f"{where}: the option {name!r} is not known here. There are: {known}."
            )

    def _read_place(self, line: str, where: str) -> None:
        if "://" not in line or line.startswith("file:"):
            raise _one_machine(line, where)
        raise InvalidInput(f"{where}: {line!r} has no name. Write 'NAME @ URL', such as x @ {line}")


def read_text(path: Path, *, where: str, root: Path | None = None) -> str:
    """Read a file that a field names.

    Args:
        path: The file.
        where: What names it, for messages.
        root: A folder below which it must lie; None for anywhere.

    Raises:
        InvalidInput: It is not there, not below the folder, or not a text.
    """
    check_below(path, root, where=where)
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InvalidInput(
            f"{where}: there is no file {str(path)!r}. Relative paths count from the folder of "
            "the file that names them."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{where}: {str(path)!r} cannot be read: {error}.") from error


def check_below(path: Path, root: Path | None, *, where: str) -> None:
    """Refuse a path that leads out of a folder, also by a link.

    Raises:
        InvalidInput: It does.
    """
    if root is not None and not path.resolve().is_relative_to(root.resolve()):
        raise InvalidInput(
            f"{where}: the path leads out of the files that came with the document. Only those "
            "are read: add the file to them, or write its content instead of its path."
        )


def _joined(lines: Iterable[str]) -> Iterable[str]:
    """Join continued lines; drop comments and empty ones."""
    waiting = ""
    for line in lines:
        text = waiting + _COMMENT.sub("", line.rstrip())
        waiting = text[:-1] + " " if text.endswith("\\") else ""
        if not waiting and text.strip():
            yield " ".join(text.split())
    if waiting.strip():
        yield " ".join(waiting.split())


def _one_machine(line: str, where: str) -> InvalidInput:
    return InvalidInput(
        f"{where}: {line!r} is a place on one machine, and a job may run on another. Publish the "
        "package on an index, or put its code into the job's code folder."
    )
