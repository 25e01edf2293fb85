"""The note by which a server process tells its agent where it answers."""

import json
from pathlib import Path
from typing import Any


def write_note(folder: Path, version: str, **facts: Any) -> None:
    """Note in a folder, at once or not at all, where a generation's server answers."""
    draft = folder / f"g{version}.json.draft"
    draft.write_text(json.dumps(facts), encoding="utf-8")
    draft.rename(folder / f"g{version}.json")


def read_note(folder: Path, version: str) -> dict[str, Any]:
    """Read what `write_note` wrote; empty if there is nothing."""
    try:
        note: dict[str, Any] = json.loads((folder / f"g{version}.json").read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return note
