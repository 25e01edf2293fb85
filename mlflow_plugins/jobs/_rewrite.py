"""A job's document as a file that would submit it again, to be changed first.

What was fixed at submission stands in it as it was fixed: versions of assets, the run's own copies
of local files, and ``code: runs:/RUN_ID/code`` (`_received`). Secrets in addresses stay masked.
"""

import re
from collections.abc import Mapping
from typing import Any

import yaml
from mlflow import MlflowClient

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.jobs._job import read_document
from mlflow_plugins.jobs._types import COMMAND, FROM_TYPES
from mlflow_plugins.jobs.environments._recipe import Recipe

_ASSET = re.compile(r"[\w.-]+:[\w.-]+")
_PLACEHOLDER = re.compile(r"\$\{\{\s*inputs\.([\w-]+)\s*\}\}")
_EXPRESSION = re.compile(r"\$\{\{\s*([\w.-]+)\s*\}\}")
_PLAIN_PYTHON = re.compile(r"==(\d+(?:\.\d+)*)\.\*")
_ABOUT = (
    *("experiment_name", "display_name", "description", "tags", "compute", "properties"),
    "environment_variables",
)
_OWN_VARIABLES = ("OMP_WAIT_POLICY",)


def rewrite_document(client: MlflowClient, run_id: str) -> dict[str, Any]:
    """Return a document that means the same as a job's.

    Raises:
        NotFound: The run is not a job's.
        InvalidInput: Its type's package keeps it in a form that only it can read.
    """
    record = read_document(client, run_id)
    inputs = {
        name: _input(one, record["inputs"].get(name, {}), record.get("origin", run_id), name)
        for name, one in record["job"].get("inputs", {}).items()
    }
    if record["type"] == COMMAND:
        return _command(record, run_id, inputs)
    return _other(record, run_id, inputs)


def _command(record: Mapping[str, Any], run_id: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    job = record["job"]
    values = {key: value for key, value in (record.get("values") or {}).items() if value}
    command = _EXPRESSION.sub(  # a trial's own, which its sweep has drawn
        lambda found: str(values.get(found[1], found[0])), job["command"]
    )
    left_out = {*FROM_TYPES, "command", "type", "inputs", "outputs", "parent_job_name", "name"}
    outputs = {name: one or {"type": "uri_folder"} for name, one in job.get("outputs", {}).items()}
    return {
        "type": COMMAND,
        "command": command,
        **_code(record, run_id),
        **({"inputs": dict(inputs)} if inputs else {}),
        **({"outputs": outputs} if outputs else {}),
        **_environment(record),
        **{key: value for key, value in job.items() if key not in left_out},
    }


def _other(record: Mapping[str, Any], run_id: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Read a job of another type out of the one file that its command gets."""
    job, files = record["job"], list(record["job"].get("files", {}).values())
    inner = yaml.safe_load(files[0]) if len(files) == 1 else None
    if not isinstance(inner, dict):
        raise InvalidInput(
            f"A job of type {record['type']!r} cannot be written as a file again. Clone it as it "
            "is, with other inputs."
        )
    about = {key: job[key] for key in _ABOUT if key in job}
    if variables := about.pop("environment_variables", None):
        kept = {key: value for key, value in variables.items() if key not in _OWN_VARIABLES}
        about |= {"environment_variables": kept} if kept and "trial" not in inner else {}
    document = {"type": record["type"], **about, **_with_inputs(inner, inputs)}
    if isinstance(trial := document.get("trial"), Mapping):
        more = {**_code(record, run_id), **_environment(record)}
        document["trial"] = {k: v for k, v in trial.items() if k != "code"} | more
    if inputs and "inputs" in document:
        document["inputs"] = dict(inputs)
    return document


def _with_inputs(node: Any, inputs: Mapping[str, Any]) -> Any:
    """Put the inputs back where a type has left expressions for their paths."""
    if isinstance(node, Mapping):
        found = _PLACEHOLDER.fullmatch(str(node.get("path", "")))
        if found is not None and found[1] in inputs:
            given = inputs[found[1]]
            return {**node, **given} if isinstance(given, Mapping) else given
        return {key: _with_inputs(value, inputs) for key, value in node.items()}
    if isinstance(node, list):
        return [_with_inputs(one, inputs) for one in node]
    return node


def _input(given: Mapping[str, Any], pinned: Mapping[str, Any], run_id: str, name: str) -> Any:
    if "asset" in pinned:
        return {**given, "path": f"azureml:{pinned['asset']}"}
    if "uri" in pinned:
        return {**given, "path": pinned["uri"]}
    if "file" in pinned:
        return {**given, "path": f"runs:/{run_id}/inputs/{name}/{pinned['file']}"}
    return given["value"] if list(given) == ["value"] else dict(given)


def _code(record: Mapping[str, Any], run_id: str) -> dict[str, str]:
    if not record["has_code"]:
        return {}
    return {"code": f"runs:/{record.get('origin', run_id)}/code"}


def _environment(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the environment by its name if it has one, else what it consists of."""
    pinned = record.get("environment") or {}
    title = pinned.get("title", "")
    if pinned.get("recipe") is None:
        image = title.removeprefix("image ")
        return {"environment": {"image": image}} if image != title else {}
    if _ASSET.fullmatch(title):
        return {"environment": f"azureml:{title}"}
    recipe = Recipe.model_validate(pinned["recipe"])
    if recipe.conda is not None:
        pip = [{"pip": list(recipe.conda.pip)}] if recipe.conda.pip else []
        conda: dict[str, Any] = {"dependencies": [*recipe.conda.dependencies, *pip]}
        channels = {"channels": list(recipe.conda.channels)} if recipe.conda.channels else {}
        return {"environment": {"conda_file": channels | conda}}
    plain = _PLAIN_PYTHON.fullmatch(recipe.python)
    python = plain[1] if plain else recipe.python
    packages = [*recipe.options, *recipe.requirements]
    return {
        "environment": {
            **({"python": python} if python else {}),
            **({"requirements": packages} if packages else {}),
        }
    }
