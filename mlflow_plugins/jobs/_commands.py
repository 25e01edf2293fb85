"""``mlflow-studio job``: submit, list, show, stream and cancel jobs."""

import json
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click
from mlflow import MlflowClient

from mlflow_plugins.core import InvalidInput, NotFound, connect
from mlflow_plugins.jobs import (
    Job,
    JobStatus,
    cancel_job,
    follow,
    get_job,
    list_jobs,
    resubmit,
    submit_file,
)
from mlflow_plugins.jobs._tables import OUTPUT, print_table


@click.group("job")
def commands() -> None:
    """Submit jobs and look after them."""


@commands.command("submit")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-P", "--input", "pairs", multiple=True, metavar="NAME=VALUE", help="Set an input.")
@click.option("--experiment-name", help="Where the run goes, whatever the file says.")
@click.option("--client-token", default="", help="Submit once, however often this is called.")
@click.option("--stream", is_flag=True, help="Follow the log until the job has ended.")
@OUTPUT
def submit_command(
    file: Path,
    pairs: tuple[str, ...],
    experiment_name: str | None,
    client_token: str,
    stream: bool,
    output: str,
) -> None:
    """Submit a job file."""
    client = connect()
    experiment_id = None
    if experiment_name:
        experiment = client.get_experiment_by_name(experiment_name)
        experiment_id = (
            experiment.experiment_id if experiment else client.create_experiment(experiment_name)
        )
    job = submit_file(
        client,
        file,
        experiment_id=experiment_id,
        inputs=_inputs(pairs),
        client_token=client_token,
    )
    warnings = client.get_run(job.run_id).data.tags.get("studio.warnings")
    if warnings:
        click.echo(f"Warning: not applied on this machine: {warnings}", err=True)
    if stream:
        _stream(job.run_id)
    else:
        _print_job(job, output)


@commands.command("list")
@click.option("--status", help="Such as Running or Failed.")
@click.option("--type", "kind", help="Such as command or automl.")
@click.option("--compute", help="Jobs of one compute.")
@click.option("--experiment-name", help="Jobs of one experiment.")
@click.option("--text", help="A part of the job's name.")
@click.option("--max-results", type=click.IntRange(1, 1000), default=50, show_default=True)
@OUTPUT
def list_command(
    status: str | None,
    kind: str | None,
    compute: str | None,
    experiment_name: str | None,
    text: str | None,
    max_results: int,
    output: str,
) -> None:
    """List jobs, newest first."""
    client = connect()
    jobs = list_jobs(
        client,
        status=status,
        type=kind,
        compute=compute,
        experiment_id=_known_experiment(client, experiment_name) if experiment_name else None,
        text=text,
        max_results=max_results,
    ).items
    if output == "json":
        click.echo(json.dumps([asdict(job) for job in jobs], indent=2))
        return
    rows = [("RUN", "STATUS", "TYPE", "SUBMITTED", "NAME")]
    rows += [
        (job.run_id, str(job.status), job.type, _when(job.created_at), job.display_name)
        for job in jobs
    ]
    print_table(rows)


@commands.command("show")
@click.argument("run_id")
@OUTPUT
def show_command(run_id: str, output: str) -> None:
    """Show one job."""
    _print_job(get_job(connect(), run_id), output)


@commands.command("stream")
@click.argument("run_id")
def stream_command(run_id: str) -> None:
    """Print a job's log until the job has ended; fail if the job failed."""
    _stream(run_id)


@commands.command("cancel")
@click.argument("run_id")
def cancel_command(run_id: str) -> None:
    """Cancel a job that has not ended."""
    client = connect()
    cancel_job(client, run_id)
    click.echo(f"{run_id} is {get_job(client, run_id).status}.")


@commands.command("resubmit")
@click.argument("run_id")
@click.option("-P", "--input", "pairs", multiple=True, metavar="NAME=VALUE", help="Set an input.")
@click.option("--compute", help="Another compute.")
@click.option("--display-name", help="Another name.")
@click.option("--stream", is_flag=True, help="Follow the log until the job has ended.")
@OUTPUT
def resubmit_command(
    run_id: str,
    pairs: tuple[str, ...],
    compute: str | None,
    display_name: str | None,
    stream: bool,
    output: str,
) -> None:
    """Submit a job again, with the code and inputs that it had and what you change."""
    job = resubmit(
        connect(), run_id, inputs=_inputs(pairs), compute=compute, display_name=display_name
    )
    if stream:
        _stream(job.run_id)
    else:
        _print_job(job, output)


def _known_experiment(client: MlflowClient, name: str) -> str:
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        raise NotFound(f"There is no experiment {name!r}.")
    return str(experiment.experiment_id)


def _inputs(pairs: tuple[str, ...]) -> dict[str, str]:
    inputs = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise InvalidInput(f"-P {pair!r} has no '='. Write -P NAME=VALUE.")
        inputs[name] = value
    return inputs


def _stream(run_id: str) -> None:
    job = follow(
        connect(),
        run_id,
        write=lambda text: click.echo(text, nl=False),
        notify=lambda sentence: click.echo(sentence, err=True),
    )
    if job.status is not JobStatus.COMPLETED:
        click.echo(f"Error: The job is {job.status}. {job.error}".rstrip(), err=True)
        sys.exit(1)


def _print_job(job: Job, output: str) -> None:
    if output == "json":
        click.echo(json.dumps(asdict(job), indent=2))
        return
    fields = asdict(job)
    for key in ("created_at", "started_at", "ended_at"):
        fields[key] = _when(fields[key])
    width = max(map(len, fields))
    for key, value in fields.items():
        click.echo(f"{key.ljust(width)}  {value}")


def _when(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")
