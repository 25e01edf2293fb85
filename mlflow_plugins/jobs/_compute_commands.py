"""``mlflow-studio compute``: list, show, create, update, start, stop and delete computes."""

import json
import logging
from dataclasses import asdict
from typing import Any

import click

from mlflow_plugins.core import InvalidInput, connect
from mlflow_plugins.jobs import (
    ComputeStatus,
    compute_status,
    create_compute,
    delete_compute,
    list_compute_status,
    start_compute,
    stop_compute,
    update_compute,
)
from mlflow_plugins.jobs._tables import OUTPUT, print_table


def _fields(command: Any) -> Any:
    """Add the options that say what a compute is."""
    options = [
        click.option("--size", help="Azure's name of a machine, such as Standard_DS3_v2."),
        click.option("--cpus", type=float, help="Cores of an instance."),
        click.option("--memory-gib", type=float, help="Memory of an instance."),
        click.option("--gpus", type=int, help="GPUs of an instance."),
        click.option("--min-instances", type=int, help="Instances for which room is kept."),
        click.option("--max-instances", type=int, help="Most instances at the same time."),
        click.option("--idle-time-before-scale-down", type=float, help="In seconds."),
        click.option("--description"),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.group("compute")
def commands() -> None:
    """Create computes and look after them."""
    logging.basicConfig(level=logging.WARNING, format="Warning: %(message)s")


@commands.command("list")
@OUTPUT
def list_command(output: str) -> None:
    """List computes with their state, instances and queues."""
    found = list_compute_status(connect())
    if output == "json":
        click.echo(json.dumps([_document(one) for one in found], indent=2))
        return
    header = ("NAME", "TYPE", "STATE", "BUSY", "IDLE", "MAX", "QUEUED", "NODES")
    print_table([header, *map(_row, found)])


@commands.command("show")
@click.argument("name")
@OUTPUT
def show_command(name: str, output: str) -> None:
    """Show one compute."""
    _print(compute_status(connect(), name), output)


@commands.command("create")
@click.argument("name")
@click.option("--type", "kind", default="amlcompute", show_default=True)
@click.option("--remote", is_flag=True, help="Only agents that name it serve it.")
@_fields
def create_command(name: str, kind: str, remote: bool, **fields: object) -> None:
    """Create a compute; for a file there is `mlflow-studio apply -f FILE`."""
    given = {key: value for key, value in fields.items() if value is not None}
    client = connect()
    create_compute(client, {"name": name, "type": kind, "remote": remote, **given})
    _print(compute_status(client, name), "table")


@commands.command("update")
@click.argument("name")
@_fields
def update_command(name: str, **fields: object) -> None:
    """Change a compute; jobs that run keep what they have."""
    given = {key: value for key, value in fields.items() if value is not None}
    if not given:
        raise InvalidInput("Nothing is to be changed. Give an option, such as --max-instances 8.")
    client = connect()
    update_compute(client, name, **given)
    _print(compute_status(client, name), "table")


@commands.command("start")
@click.argument("name")
def start_command(name: str) -> None:
    """Let a stopped compute start jobs again."""
    start_compute(connect(), name)
    click.echo(f"{name} starts jobs.")


@commands.command("stop")
@click.argument("name")
def stop_command(name: str) -> None:
    """Have a compute start nothing new; jobs that run go on."""
    stop_compute(connect(), name)
    click.echo(f"{name} starts no new jobs.")


@commands.command("delete")
@click.argument("name")
def delete_command(name: str) -> None:
    """Delete a compute; jobs that wait for it run on local."""
    delete_compute(connect(), name)
    click.echo(f"{name} is deleted.")


def _row(status: ComputeStatus) -> tuple[str, ...]:
    limit = status.compute.max_instances
    return (
        status.compute.name,
        status.compute.type,
        status.state,
        str(status.busy_instances),
        str(status.idle_instances),
        "-" if limit is None else str(limit),
        status.queue_length,
        str(len(status.nodes)),
    )


def _document(status: ComputeStatus) -> dict[str, Any]:
    return {
        **asdict(status),
        "state": status.state,
        "busy_instances": status.busy_instances,
        "idle_instances": status.idle_instances,
        "note": status.note,
    }


def _print(status: ComputeStatus, output: str) -> None:
    if output == "json":
        click.echo(json.dumps(_document(status), indent=2))
        return
    compute = status.compute
    rows = {
        "name": compute.name,
        "type": compute.type,
        "state": status.state,
        "instance": str(compute.size or "an equal share of the machine"),
        "instances": f"{status.busy_instances} busy, {status.idle_instances} idle, "
        f"{compute.min_instances} to {compute.max_instances or 'as many as there is room for'}",
        "queued": status.queue_length,
        "description": compute.description,
        "note": status.note,
    }
    print_table([(key, value) for key, value in rows.items() if value])
    for node in status.nodes:
        click.echo(
            f"node {node.host}: {node.cpus_in_use:g} of {node.cpus:g} cpus and "
            f"{node.memory_in_use_gib:.1f} of {node.memory_gib:.1f} GiB are in use by jobs; "
            f"its cores are {node.cpu_percent:.0f} % busy"
        )
    for job in status.running:
        click.echo(f"running {job.run_id}  {job.display_name}")
