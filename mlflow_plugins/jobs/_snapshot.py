"""The snapshot of a code folder: which files belong to it, and where ignore files leave some out.

``.amlignore`` counts; where there is none, ``.gitignore``. The rules are git's for one file at the
root of the folder: https://git-scm.com/docs/gitignore.
"""

import os
import re
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlflow_plugins.core import InvalidInput

_NEVER = ("/.git/", "__pycache__/", ".ipynb_checkpoints/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The files of a code folder.

    Attributes:
        folder: The folder.
        files: Paths relative to it, sorted, with ``/``.
        executables: Those of the files that may be executed.
        size_bytes: All files together.
    """

    folder: Path
    files: tuple[str, ...]
    executables: tuple[str, ...]
    size_bytes: int


def take_snapshot(folder: Path, *, limit_mib: float) -> Snapshot:
    """List the files of a code folder that belong to a job.

    Raises:
        InvalidInput: It is no folder, it has no files, or they are too large together.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise InvalidInput(
            f"Field 'code': {str(folder)!r} {what}. Give a folder; relative paths count from the "
            "folder of the job file."
        )
    files = sorted(_files(folder, _patterns(folder)))
    states = {name: (folder / name).stat() for name in files}
    sizes = {name: state.st_size for name, state in states.items()}
    _check_size(folder, sizes, limit_mib)
    return Snapshot(
        folder=folder,
        files=tuple(files),
        executables=tuple(name for name in files if states[name].st_mode & stat.S_IXUSR),
        size_bytes=sum(sizes.values()),
    )


@contextmanager
def staged(snapshot: Snapshot) -> Iterator[Path]:
    """Lay the files of a snapshot out in a folder of their own, by links."""
    with tempfile.TemporaryDirectory() as folder:
        for name in snapshot.files:
            target = Path(folder) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to((snapshot.folder / name).resolve())
        yield Path(folder)


def _files(folder: Path, patterns: Sequence["_Pattern"]) -> Iterator[str]:
    """Walk the folder without going into folders that are left out."""
    for place, folders, names in os.walk(folder):
        here = Path(place).relative_to(folder).as_posix()
        prefix = "" if here == "." else f"{here}/"
        folders[:] = [one for one in folders if not _is_ignored(f"{prefix}{one}/", patterns)]
        yield from (
            prefix + name
            for name in names
            if not _is_ignored(prefix + name, patterns) and (folder / prefix / name).is_file()
        )


def _check_size(folder: Path, sizes: dict[str, int], limit_mib: float) -> None:
    if not sizes:
        raise InvalidInput(
            f"Field 'code': the folder {str(folder)!r} holds no files that belong to the job."
        )
    total = sum(sizes.values())
    if total > limit_mib * 2**20:
        largest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:3]
        listed = ", ".join(f"{name} ({sizes[name] / 2**20:.0f} MiB)" for name in largest)
        raise InvalidInput(
            f"Field 'code': the folder {str(folder)!r} has {total / 2**20:.0f} MiB; the limit is "
            f"{limit_mib:.0f} MiB. The largest files: {listed}. Name in .amlignore what the job "
            "does not need, and make data assets of data."
        )


# ---------------------------------------------------------------- ignore rules


@dataclass(frozen=True, slots=True)
class _Pattern:
    """One line of an ignore file."""

    expression: re.Pattern[str]
    is_negated: bool
    only_folders: bool


def _patterns(folder: Path) -> list[_Pattern]:
    own = next(
        (folder / name for name in (".amlignore", ".gitignore") if (folder / name).is_file()), None
    )
    lines = own.read_text(encoding="utf-8", errors="replace").splitlines() if own else []
    return [_compile(line) for line in [*_NEVER, *lines] if _is_rule(line)]


def _is_rule(line: str) -> bool:
    return bool(line.strip()) and not line.startswith("#")


def _compile(line: str) -> _Pattern:
    text = re.sub(r"(?<!\\)\s+$", "", line)
    is_negated = text.startswith("!")
    text = text.removeprefix("!")
    only_folders = text.endswith("/")
    text = text.rstrip("/") if only_folders else text
    is_anchored = "/" in text
    body = _translate(text.removeprefix("/"))
    start = "" if is_anchored else "(?:.*/)?"
    return _Pattern(re.compile(start + body, re.DOTALL), is_negated, only_folders)


_TOKENS = re.compile(
    r"(?P<any_folders>(?:^|(?<=/))\*\*/)|(?P<inside>/\*\*$)|(?P<star>\*+)|(?P<one>\?)"
    r"|\[(?P<class>[!^]?\]?[^\]]*)\]|\\(?P<escaped>.)|(?P<plain>.)",
    re.DOTALL,
)


def _translate(text: str) -> str:
    return "".join(_token(match) for match in _TOKENS.finditer(text))


def _token(match: re.Match[str]) -> str:
    if match["class"] is not None:
        inner = match["class"].replace("\\", "\\\\")
        return f"[^/{inner[1:]}]" if inner[:1] in ("!", "^") else f"(?!/)[{inner}]"
    fixed = {"any_folders": "(?:.*/)?", "inside": "/.+", "star": "[^/]*", "one": "[^/]"}
    kind = match.lastgroup or ""
    return fixed.get(kind) or re.escape(match["escaped"] or match["plain"])


def _is_ignored(path: str, patterns: Sequence[_Pattern]) -> bool:
    """Tell whether the last rule that fits leaves a path out; folders end with ``/``."""
    is_folder = path.endswith("/")
    name = path.rstrip("/")
    for pattern in reversed(patterns):
        if pattern.only_folders and not is_folder:
            continue
        if pattern.expression.fullmatch(name):
            return not pattern.is_negated
    return False
