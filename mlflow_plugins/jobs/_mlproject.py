"""MLprojects: MLflow's own format of a job becomes a command job.

The project is fetched and read by MLflow itself, so every place that ``mlflow run`` takes (a
folder, a git or zip URI, ``#subfolder``) is taken here too. Its parameters become inputs, its
environment the job's environment, its folder the code.
"""

import contextlib
import os
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from mlflow.exceptions import MlflowException
from mlflow.projects import _project_spec
from mlflow.projects.utils import (
    _fetch_project,
    _is_local_uri,
    _is_zip_uri,
    _parse_subdirectory,
)
from mlflow.utils.mlflow_tags import MLFLOW_PROJECT_ENTRY_POINT

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.data import masked, scheme_of

_FILE = "MLproject"
_REMOTE = re.compile(r"[a-z+]+://|[^/]+@[^/]+:|[^/:]+\.[^/:]+:")  # a URL, or a host as ssh has it


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectJob:
    """What an MLproject asks for.

    Attributes:
        document: A command job.
        folder: What relative paths in it count from.
        parameters: Values of the entry point's parameters, to be noted on the run.
    """

    document: Mapping[str, Any]
    folder: Path
    parameters: Mapping[str, str]


@contextlib.contextmanager
def open_project(
    uri: str,
    *,
    entry_point: str = "main",
    parameters: Mapping[str, Any] | None = None,
    version: str | None = None,
) -> Iterator[ProjectJob]:
    """Fetch a project, and read one of its entry points as a job.

    Args:
        uri: A folder, a zip file or a git repository, at choice with ``#subfolder``.
        entry_point: Its name, or a script of the project.
        parameters: Values for its parameters; others are added to the command as ``--name value``.
        version: Commit, branch or tag of a git repository.

    Raises:
        InvalidInput: There is no such project, or it asks for what cannot be given.
    """
    folder, is_temporary = _fetch(uri, version)
    try:
        yield _read_or_refuse(uri, folder, entry_point, dict(parameters or {}))
    finally:
        if is_temporary:
            shutil.rmtree(folder, ignore_errors=True)


def _fetch(uri: str, version: str | None) -> tuple[Path, bool]:
    """Return the project's folder, and whether it is a copy that nobody else needs."""
    place, _ = _parse_subdirectory(uri)  # type: ignore[no-untyped-call]
    is_local = _is_local_uri(place)
    if not is_local and not _REMOTE.match(place):
        raise InvalidInput(
            f"There is no file or folder {uri!r} (looked for at {str(Path(place).absolute())!r})."
        )
    is_ours = not is_local or _is_zip_uri(place)  # type: ignore[no-untyped-call]
    try:
        return Path(_fetch_project(uri, version)), is_ours  # type: ignore[no-untyped-call]
    except Exception as error:  # git's, zipfile's and requests' own
        lines = masked(str(error), place).strip().splitlines()
        raise InvalidInput(
            f"The project {masked(uri)!r} cannot be fetched: {' '.join(lines)[:500]}"
        ) from error


def _read_or_refuse(
    uri: str, folder: Path, entry_point: str, parameters: dict[str, Any]
) -> ProjectJob:
    try:
        return _read(folder, entry_point, parameters)
    except MlflowException as error:
        raise InvalidInput(f"The project {uri!r} cannot be run: {error.message}") from error


def _read(folder: Path, entry_point: str, parameters: dict[str, Any]) -> ProjectJob:
    if not (folder / _FILE).is_file():
        raise InvalidInput(
            f"the folder has no file {_FILE}. Give a job file (.yml, .yaml), or a folder with an "
            f"{_FILE}."
        )
    project = _project_spec.load_project(str(folder))  # type: ignore[no-untyped-call]
    _refuse(project)
    point = project.get_entry_point(entry_point)
    point._validate_parameters(parameters)  # compute_parameters would download
    values = {
        name: parameters.get(name, parameter.default)
        for name, parameter in point.parameters.items()
    }
    inputs = {
        name: _input(parameter, values[name], folder)
        for name, parameter in point.parameters.items()
    }
    extra = [
        f"--{shlex.quote(name)} {shlex.quote(str(value))}"
        for name, value in parameters.items()
        if name not in values
    ]
    own = point.command.format(**{name: f"${{{{inputs.{name}}}}}" for name in values})
    document = {
        "type": "command",
        "display_name": project.name,
        "command": " ".join([own, *extra]),
        "code": ".",
        "inputs": inputs,
        "environment": _environment(project, folder),
        "tags": {MLFLOW_PROJECT_ENTRY_POINT: entry_point},
    }
    given = {name: str(value) for name, value in {**values, **parameters}.items()}
    return ProjectJob(document=document, folder=folder, parameters=given)


def _refuse(project: _project_spec.Project) -> None:
    if project.docker_env:
        raise InvalidInput(
            f"its docker_env asks for the image {project.docker_env.get('image')!r}, and jobs run "
            "without Docker here. Name a python_env or a conda_env in the MLproject instead."
        )
    if project.databricks_spark_job_spec:
        raise InvalidInput(
            "its databricks_spark_job is for Databricks alone. Give it entry_points with commands."
        )


def _input(parameter: _project_spec.Parameter, value: Any, folder: Path) -> Any:
    """Return a parameter as an input; a literal is quoted, as MLflow does, for the shell."""
    text = str(value)
    if parameter.type == "path":
        return {"path": text if scheme_of(text) else _local(text, folder)}
    if parameter.type == "uri" and not scheme_of(text):
        raise InvalidInput(
            f"the parameter {parameter.name!r} is an URI in this project; {text!r} is none."
        )
    return {"value": shlex.quote(text)}


def _local(text: str, folder: Path) -> str:
    """Relative paths count from where the user is, or else from the project."""
    here = Path(text).absolute()
    return str(here if here.exists() else folder / text)


def _environment(project: _project_spec.Project, folder: Path) -> dict[str, Any] | None:
    if project.env_config_path is None:
        return None
    path = Path(project.env_config_path)
    if project.env_type == "conda_env":
        return {"conda_file": os.path.relpath(path, folder)}
    given = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    wanted = [*(given.get("build_dependencies") or []), *(given.get("dependencies") or [])]
    requirements = [line for one in wanted for line in _requirement(str(one), path.parent)]
    python = given.get("python")
    return {**({"python": str(python)} if python else {}), "requirements": requirements}


def _requirement(line: str, folder: Path) -> list[str]:
    """Return the requirements that a line stands for: itself, or those of ``-r FILE``."""
    flag, _, name = line.strip().partition(" ")
    if flag not in ("-r", "--requirement"):
        return [line]
    lines = (folder / name.strip()).read_text(encoding="utf-8").splitlines()
    texts = [one.partition(" #")[0].strip() for one in lines]
    return [
        found
        for text in texts
        if text and not text.startswith("#")
        for found in _requirement(text, folder)
    ]
