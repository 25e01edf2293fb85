"""Writes docs/azure-compatibility.md: what happens to each file of Azure's public examples.

    python tests/azure_table.py FOLDER      # FOLDER is `cli/jobs` of Azure's examples

Each file is read by the code that reads it when it is submitted, so the table says what is so.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import yaml

from mlflow_plugins.core import StudioError, is_reference
from mlflow_plugins.data import check_url, parse_azureml, scheme_of
from mlflow_plugins.jobs._document import read_job_file
from mlflow_plugins.jobs._fields import FOLDER_TYPES
from mlflow_plugins.jobs._spec import CommandJob, parse_command_job
from mlflow_plugins.jobs._types import job_type, to_command_job
from mlflow_plugins.jobs.environments import Environment

PAGE = Path(__file__).resolve().parents[1] / "docs" / "azure-compatibility.md"
TESTED = re.compile(r"basics/[^/]+|single-step/scikit-learn/.+")  # test_azure_examples runs these
NEEDS = {
    "basics/hello-git.yml": "its command installs pygit2 from the package index",
    "basics/hello-notebook.yml": "its command installs papermill from the package index",
    "basics/hello-interactive.yml": "needs tensorflow; then waits ten minutes",
    "single-step/scikit-learn/iris-notebook/job.yml": "needs papermill, which its Dockerfile has",
}

HEAD = """# Azure compatibility

What happens to each of the {n} YAML files below `cli/jobs` of Azure's public examples with
`mlflow run FILE -b studio`, unchanged. `python tests/azure_table.py FOLDER` writes this page: it
reads each file with the code that reads it when it is submitted. `test_azure_examples.py` runs
those that say *runs*.

| outcome | files | meaning |
|---|---|---|
{counts}

*Public data* means that the job reads addresses of the internet, and *assets* that it names what
must be created or uploaded first. Where an `environment` asks for Docker or a curated image, the
command runs in a Python without them, and a warning says so
([jobs](jobs.md#what-one-machine-does-not-give)).

| file | outcome | why |
|---|---|---|
"""
MEANING = {
    "runs": "run to its end by our tests, with public data answered by a server of the test",
    "accepted": "read, checked and queued; whether it ends well depends on the packages it needs",
    "depends": "accepted; needs what the table says",
    "refused": "refused before anything is queued, with this reason",
    "not a job": "a part of a job, which is read by the file that names it",
}


def main(folder: Path) -> None:
    """Write the page."""
    files = sorted([*folder.rglob("*.yml"), *folder.rglob("*.yaml")])
    rows = [(file.relative_to(folder).as_posix(), *outcome(file, folder)) for file in files]
    counted = Counter(kind for _, kind, _ in rows)
    counts = "\n".join(f"| {one} | {counted[one]} | {MEANING[one]} |" for one in MEANING)
    table = "".join(f"| {name} | {kind} | {why} |\n" for name, kind, why in rows)
    PAGE.write_text(HEAD.format(n=len(rows), counts=counts) + table, encoding="utf-8")


def outcome(file: Path, folder: Path) -> tuple[str, str]:
    """Return what happens to a file, and why."""
    name = file.relative_to(folder).as_posix()
    part = part_of_a_job(file)
    if part:
        return "not a job", part
    try:
        document = read_job_file(file)
        job = parse_command_job(to_command_job(document, base_folder=file.parent))
        if job_type(document) == "command":
            check(job, file.parent)
    except StudioError as error:
        return "refused", cell(error.message.replace(str(folder), ""))
    notes = [NEEDS[name]] if name in NEEDS else []
    notes += needs(job)
    if name in NEEDS:
        return "depends", cell("; ".join(notes))
    if TESTED.fullmatch(name) and job_type(document) in ("command", "sweep"):
        return "runs", cell("; ".join(notes))
    return "accepted", cell("; ".join(notes))


def part_of_a_job(file: Path) -> str:
    """Say what a file is that is no job."""
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        return ""
    if not isinstance(document, dict):
        return "holds no mapping"
    schema = re.search(r"([A-Za-z]+)\.schema\.json", str(document.get("$schema", "")))
    kind = schema[1] if schema else ""
    if kind and not kind.endswith("Job"):
        return f"a {kind} file"
    if not kind and {"dependencies", "channels"} & set(document):
        return "a conda environment"
    if not kind and not {"command", "type", "jobs", "trial", "task"} & set(document):
        return f"has {', '.join(map(str, list(document)[:3]))} at its top"
    return ""


def check(job: CommandJob, folder: Path) -> None:
    """Do what submitting does without a server.

    Raises:
        StudioError: The job is refused.
    """
    if job.code is not None and scheme_of(job.code) == "" and not (folder / job.code).is_dir():
        raise StudioError(f"Field 'code': {job.code!r} is not a folder beside the file.")
    for name, one in job.inputs.items():
        path = one.address
        if path is None or is_reference(path) or parse_azureml(path) is not None:
            continue
        if scheme_of(path):
            check_url(path, is_folder=one.type in FOLDER_TYPES)
        elif not (folder / path).exists():
            raise StudioError(f"Field 'inputs.{name}': there is no file or folder {path!r}.")


def needs(job: CommandJob) -> Iterator[str]:
    """Say what a job needs beside itself."""
    paths = [one.address for one in job.inputs.values() if one.address]
    texts = [*paths, *(str(one.value) for one in job.inputs.values())]
    if any(scheme_of(one) not in ("", "azureml") for one in texts):
        yield "public data"
    assets = [one for one in paths if is_reference(one) or one.startswith("azureml://")]
    if assets:
        yield f"assets: {', '.join(assets)}"
    if job.environment is not None:
        yield f"environment: {asked(job.environment)}"
    if job.resources.instance_count > 1:
        yield f"{job.resources.instance_count} instances: one is used"


def asked(environment: Environment) -> str:
    """Say what a job asks to run in."""
    conda = ["a conda file"] if environment.conda_file is not None else []
    build = ["a Dockerfile"] if environment.build is not None else []
    image = [f"image {environment.image}"] if environment.image else []
    return environment.reference or " and ".join(image + build + conda)


def cell(text: str) -> str:
    """Return a text that fits into a cell of a table."""
    line = text.strip().partition("\n")[0].replace("|", "\\|").replace("<", "&lt;")
    return line.removeprefix(": ")[:300]


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
