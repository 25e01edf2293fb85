"""The environments that the agents of this machine keep, for whoever looks at the workspace here.

An agent leaves the path of its folder in the machine's folder (`_machine_folder`), so a server on
the same machine, of the same user, can look into it; of other machines nothing is known.
"""

import hashlib
from pathlib import Path

from mlflow import MlflowClient

from mlflow_plugins.core import NotFound, Records
from mlflow_plugins.jobs._job import JOB
from mlflow_plugins.jobs._machine_folder import machine_folder
from mlflow_plugins.jobs._runner_folder import ENVIRONMENTS
from mlflow_plugins.jobs.environments import CachedEnvironment, list_cached, read_build_log

_AGENTS = "agents"


def note_agent(shared: Path, folder: Path) -> None:
    """Leave an agent's folder where the machine's agents meet."""
    notes = shared / _AGENTS
    notes.mkdir(exist_ok=True)
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    draft = notes / f".{name}"
    draft.write_text(str(folder), encoding="utf-8")
    draft.replace(notes / name)


def list_environments_here(client: MlflowClient) -> list[CachedEnvironment]:
    """Return the environments that this machine's agents of a workspace keep, last used first."""
    found: dict[str, CachedEnvironment] = {}
    for folder in _places(client):
        for one in list_cached(folder):
            if one.hash not in found or found[one.hash].last_used_at < one.last_used_at:
                found[one.hash] = one
    return sorted(found.values(), key=lambda one: one.last_used_at, reverse=True)


def read_environment_log(client: MlflowClient, environment_hash: str) -> str:
    """Return what was said when an environment of this machine was made.

    Raises:
        NotFound: No agent of this machine keeps it.
    """
    for one in list_environments_here(client):
        if one.hash == environment_hash:
            return read_build_log(one.folder.parents[1], environment_hash)
    raise NotFound(
        f"No agent of this machine keeps an environment {environment_hash!r}: it was dropped, or "
        "it is another machine's. The log of the job that made it has what was said."
    )


def _places(client: MlflowClient) -> list[Path]:
    """Return the folders in which agents keep environments; forget agents that are gone."""
    notes = machine_folder(Records(client), JOB) / _AGENTS
    places: list[Path] = []
    for note in sorted(notes.glob("[!.]*")) if notes.is_dir() else ():
        folder = Path(note.read_text(encoding="utf-8"))
        if folder.is_dir():
            places.append(folder / ENVIRONMENTS)
        else:
            note.unlink(missing_ok=True)
    return places
