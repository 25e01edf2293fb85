"""Job documents that come from afar, such as from a browser: with the files that came along.

`submit` reads paths of the submitter's own disk. A server that submits for somebody else must not:
whoever writes a document could have any of its files read into a job. So a document from afar may
name addresses, what the server keeps for its user, and files of one folder: those that came with
it. Every file is read here, under that rule, before the document goes on to `submit`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow.artifacts
from mlflow import MlflowClient

from mlflow_plugins.core import AssetStore, InvalidInput, Settings, StudioError
from mlflow_plugins.data import masked, scheme_of
from mlflow_plugins.jobs._explain import validate
from mlflow_plugins.jobs._inputs import pin_inputs
from mlflow_plugins.jobs._job import Job, read_document
from mlflow_plugins.jobs._outputs import check_outputs
from mlflow_plugins.jobs._received_paths import check_paths
from mlflow_plugins.jobs._snapshot import Snapshot, take_snapshot
from mlflow_plugins.jobs._spec import CommandJob, not_applied, parse_command_job
from mlflow_plugins.jobs._submit import submit
from mlflow_plugins.jobs._types import COMMAND, job_type, to_command_job
from mlflow_plugins.jobs.backends._base import LOCAL
from mlflow_plugins.jobs.compute import default_compute, find_compute
from mlflow_plugins.jobs.environments import Environment, PinnedEnvironment, pin
from mlflow_plugins.jobs.environments._pin import inline_files, read_environment_file

_SWEEP = "sweep"
_FILE, _RUNS = "file:", "runs:/"
_WEB = ("http", "https")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedJob:
    """What a document would become if it were submitted.

    Attributes:
        type: Such as ``command``.
        display_name: Of the run; empty for one that MLflow makes up.
        experiment_name: Empty if the document names none.
        command: What runs; of a sweep, each trial's.
        inputs: Values and addresses by name.
        outputs: Types by name.
        environment: What gives the command its Python; empty for the workspace's environment.
        compute: Where it runs.
        code_of: The run whose code it uses; empty if it has its own, or none.
        n_files: Files of its own code.
        code_bytes: All of them together.
        warnings: What it asks for and will not get.
    """

    type: str
    display_name: str
    experiment_name: str
    command: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    environment: str
    compute: str
    code_of: str
    n_files: int
    code_bytes: int
    warnings: tuple[str, ...]


def check_received(
    client: MlflowClient, document: Mapping[str, Any], *, folder: Path
) -> CheckedJob:
    """Check a document as `submit_received` would, without storing anything.

    It is quick: addresses of the web are not asked, and code of other jobs is not fetched.

    Args:
        client: Client of the tracking store.
        document: A job of any type that is installed.
        folder: The files that came with it; it may be empty.

    Raises:
        InvalidInput: The document breaks a rule, or names a file that did not come with it.
        NotFound: It refers to an asset that does not exist.
    """
    with _without_folder(folder):
        whole, code_of = _without_fetching(client, document)
        whole = _open(client, whole, folder)
        job = _to_job(whole, folder)
        environment, code = _look_at(client, job, folder)
        compute = find_compute(client, (job.compute or LOCAL).removeprefix("azureml:"))
        backend = (compute or default_compute()).backend
        return CheckedJob(
            type=job_type(document),
            display_name=job.display_name or job.name or "",
            experiment_name=job.experiment_name or "",
            command=_shown_command(whole, job),
            inputs={name: _shown_input(one) for name, one in job.inputs.items()},
            outputs={name: one.type for name, one in job.outputs.items()},
            environment=environment.title,
            compute=(compute or default_compute()).name,
            code_of=code_of,
            n_files=len(code.files) if code else 0,
            code_bytes=code.size_bytes if code else 0,
            warnings=(
                *environment.not_applied,
                *not_applied(job, has_compute=compute is not None, backend=backend),
            ),
        )


def _look_at(
    client: MlflowClient, job: CommandJob, folder: Path
) -> tuple[PinnedEnvironment, Snapshot | None]:
    """Look up all that a job names, but for addresses of the web."""
    store = AssetStore(client)
    limit_mib = Settings.from_environment().code_mib
    near = {k: v for k, v in job.inputs.items() if scheme_of(v.address or "") not in _WEB}
    inputs = job.model_copy(update={"inputs": near})
    pin_inputs(inputs, store, client, base_folder=folder, limit_mib=limit_mib)
    check_outputs(job.outputs, store)
    environment = pin(
        job.environment, store, base_folder=folder, variables=job.environment_variables
    )
    if job.code is None:
        return environment, None
    return environment, take_snapshot((folder / job.code).resolve(), limit_mib=limit_mib)


def submit_received(
    client: MlflowClient,
    document: Mapping[str, Any],
    *,
    folder: Path,
    experiment_id: str | None = None,
    source: str = "studio",
) -> Job:
    """Put a job into the queue whose document came from afar. See `submit`.

    Args:
        client: Client of the tracking store, with the rights of whoever sent the document.
        document: A job of any type that is installed. ``code: runs:/RUN_ID/code`` means the code
            of another job.
        folder: The files that came with it; it may be empty.
        experiment_id: See `submit`.
        source: See `submit`.

    Raises:
        InvalidInput: The document breaks a rule, or names a file that did not come with it.
        NotFound: It refers to an asset that does not exist.
    """
    with _without_folder(folder):
        whole = _open(client, document, folder)
        _to_job(whole, folder)
        return submit(client, whole, base_folder=folder, experiment_id=experiment_id, source=source)


@contextmanager
def _without_folder(folder: Path) -> Iterator[None]:
    """Keep the server's own path for the files out of what users read."""
    try:
        yield
    except StudioError as error:
        text = error.message
        for path in {str(folder), str(folder.resolve())}:
            text = text.replace(f"{path}/", "").replace(path, ".")
        raise type(error)(text) from None


def _to_job(whole: Mapping[str, Any], folder: Path) -> CommandJob:
    """Return the command job, whose paths were checked; a type may have read more into it."""
    command_job = to_command_job(whole, base_folder=folder)
    check_paths(command_job, folder)
    return parse_command_job(command_job)


# ---------------------------------------------------------------- reading the files


def _open(client: MlflowClient, given: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the document with what its files say in place of their names."""
    document = {key: value for key, value in given.items() if value is not None}
    kind = job_type(document)
    if kind == COMMAND:
        document = _with_code(client, document, folder)
    elif kind == _SWEEP:
        document = _with_trial(client, document, folder)
    check_paths(document, folder)
    if isinstance(trial := document.get("trial"), Mapping):
        document["trial"] = _with_environment(trial, folder)
    return _with_environment(document, folder)


def _with_trial(client: MlflowClient, document: dict[str, Any], folder: Path) -> dict[str, Any]:
    from mlflow_plugins.jobs.sweep._component import with_inline_trial

    if isinstance(document.get("trial"), str):
        check_paths({"trial": document["trial"]}, folder)
        document = with_inline_trial(document, folder)
    if isinstance(trial := document.get("trial"), Mapping):
        document["trial"] = _with_code(client, trial, folder)
    return document


def _with_code(client: MlflowClient, owner: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return a job or a trial whose code is a folder that came along, if it has any.

    What is called ``./src`` in a file may have been uploaded as the content of that folder.
    """
    code, came = owner.get("code"), sorted(folder.iterdir())
    if isinstance(code, str) and code.startswith(_RUNS):
        return {**owner, "code": _fetch_code(client, code, folder)}
    if code is None:
        is_wrapped = len(came) == 1 and came[0].is_dir()
        return {**owner, "code": came[0].name if is_wrapped else "."} if came else dict(owner)
    if not isinstance(code, str) or (folder / code).exists():
        return dict(owner)
    if not came:
        raise InvalidInput(
            f"Field 'code' is {code!r}, a folder of your own machine. Upload its content as a zip "
            "file, or as single files."
        )
    return {**owner, "code": "."}


def _without_fetching(
    client: MlflowClient, document: Mapping[str, Any]
) -> tuple[dict[str, Any], str]:
    """Return a document without the code of another job, and that job's run."""
    trial = document.get("trial")
    for where, owner in (("", document), ("trial", trial if isinstance(trial, Mapping) else {})):
        code = owner.get("code")
        if isinstance(code, str) and code.startswith(_RUNS):
            run_id, _ = _code_run(client, code)
            rest = {key: value for key, value in owner.items() if key != "code"}
            return ({**document, where: rest} if where else rest), run_id
    return dict(document), ""


def _code_run(client: MlflowClient, uri: str) -> tuple[str, Mapping[str, Any]]:
    """Return the run that an address of code names, and the document of its job."""
    run_id = uri.removeprefix(_RUNS).partition("/")[0]
    document = read_document(client, run_id)  # whoever may not see the run is refused here
    if not document.get("has_code"):
        raise InvalidInput(f"Field 'code' is {uri!r}, and that job has no code.")
    return run_id, document


def _fetch_code(client: MlflowClient, uri: str, folder: Path) -> str:
    run_id, document = _code_run(client, uri)
    path = uri.removeprefix(_RUNS).partition("/")[2]
    executables = document.get("executables", ())
    target = folder / f"code-of-{run_id}"
    if not target.exists():
        target.mkdir()
        found = mlflow.artifacts.download_artifacts(
            run_id=run_id,
            artifact_path=path or "code",
            dst_path=str(target),
            tracking_uri=client.tracking_uri,
        )
        for name in executables:
            if (file := Path(found) / name).is_file():
                file.chmod(0o755)
    return f"{target.name}/{path or 'code'}"


def _with_environment(owner: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return a job or a trial whose environment names no files any more."""
    given = owner.get("environment")
    if given is None or (isinstance(given, str) and not given.startswith(_FILE)):
        return dict(owner)
    try:
        place = folder
        mapping = {"reference": given} if isinstance(given, str) else given
        environment = validate(Environment, mapping, what="environment")
        if environment.reference is not None and environment.reference.startswith(_FILE):
            path = folder / environment.reference.removeprefix(_FILE)
            environment, place = read_environment_file(path, root=folder), path.parent
        if environment.reference is not None:
            return dict(owner)
        read = inline_files(environment, place, root=folder)
    except StudioError as error:
        raise type(error)(f"Field 'environment': {error.message}") from error
    return {**owner, "environment": read.model_dump(mode="json", exclude_defaults=True)}


# ---------------------------------------------------------------- what is shown


def _shown_command(whole: Mapping[str, Any], job: CommandJob) -> str:
    trial = whole.get("trial")
    if isinstance(trial, Mapping) and isinstance(trial.get("command"), str):
        return str(trial["command"])
    return job.command


def _shown_input(given: Any) -> str:
    if given.address is not None:
        return str(masked(given.address))
    return "no value" if given.value is None else str(given.value)
