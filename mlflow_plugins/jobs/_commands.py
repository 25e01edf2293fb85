"""``mlflow-studio job``: submit, list, show, stream and cancel jobs."""

import json
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from mlflow_plugins.core import InvalidInput, connect
from mlflow_plugins.jobs import (
    Job,
    JobStatus,
    cancel_job,
    follow,
    get_job,
    list_jobs,
    submit_file,
)

_OUTPUT = click.option(
    "--output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="How to print.",
)


@click.group("job")
def commands() -> None:
    """Submit jobs and look after them."""


@commands.command("submit")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-P", "--input", "pairs", multiple=True, metavar="NAME=VALUE", help="Set an input.")
@click.option("--experiment-name", help="Where the run goes, whatever the file says.")
@click.option("--stream", is_flag=True, help="Follow the log until the job has ended.")
@_OUTPUT
def submit_command(
    file: Path, pairs: tuple[str, ...], experiment_name: str | None, stream: bool, output: str
) -> None:
    """Submit a job file."""
    client = connect()
    experiment_id = None
    if experiment_name:
        experiment = client.get_experiment_by_name(experiment_name)
        experiment_id = (
            experiment.experiment_id if experiment else client.create_experiment(experiment_name)
        )
    job = submit_file(client, file, experiment_id=experiment_id, inputs=_inputs(pairs))
    warnings = client.get_run(job.run_id).data.tags.get("studio.warnings")
    if warnings:
        click.echo(f"Warning: not applied on this machine: {warnings}", err=True)
    if stream:
        _stream(job.run_id)
    else:
        _print_job(job, output)


@commands.command("list")
@click.option("--max-results", type=click.IntRange(1, 1000), default=50, show_default=True)
@_OUTPUT
def list_command(max_results: int, output: str) -> None:
    """List jobs, newest first."""
    jobs = list_jobs(connect(), max_results=max_results).items
    if output == "json":
        click.echo(json.dumps([asdict(job) for job in jobs], indent=2))
        return
    rows = [("RUN", "STATUS", "TYPE", "SUBMITTED", "NAME")]
    rows += [
        (job.run_id, str(job.status), job.type, _when(job.created_at), job.display_name)
        for job in jobs
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())


@commands.command("show")
@click.argument("run_id")
@_OUTPUT
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
