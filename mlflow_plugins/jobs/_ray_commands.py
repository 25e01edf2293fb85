"""``mlflow-studio ray``: the Ray head of an agent on this machine."""

from pathlib import Path

import click

from mlflow_plugins.jobs.backends._ray_head import HeadState, RayHead
from mlflow_plugins.jobs.backends._ray_options import HeadOptions, ray_folder

_FOLDER = click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("mlflow-studio-agent"),
    show_default=True,
    help="The agent's folder.",
)


@click.group("ray")
def commands() -> None:
    """Start, show and stop the Ray head of an agent on this machine."""


@commands.command("start")
@_FOLDER
@click.option("--num-cpus", type=click.IntRange(min=1), help="Processors it offers; all if unset.")
def start_command(folder: Path, num_cpus: int | None) -> None:
    """Start a head that stays until it is stopped."""
    head = RayHead(ray_folder(folder.resolve()))
    if state := head.state():
        click.echo("A head runs already; it stays as long as it was started for.")
        return _show(head, state)
    click.echo("Starting a Ray head …")
    with head.in_use(HeadOptions(keep=True, n_cpus=num_cpus)):
        state = head.state()
    return _show(head, state)


@commands.command("status")
@_FOLDER
def status_command(folder: Path) -> None:
    """Show the head, if it runs."""
    head = RayHead(ray_folder(folder.resolve()))
    _show(head, head.state())


@commands.command("stop")
@_FOLDER
def stop_command(folder: Path) -> None:
    """End the head and whatever runs on it; other Ray clusters of this machine are left alone."""
    was_there = RayHead(ray_folder(folder.resolve())).stop()
    click.echo("The head has ended." if was_there else "No head runs for this folder.")


def _show(head: RayHead, state: HeadState | None) -> None:
    if state is None:
        click.echo("No head runs for this folder. It comes with the first job on 'compute: ray'.")
        return
    click.echo(f"  Jobs API   {state.address}")
    click.echo(f"  Token      in {head.token_file}")
    click.echo(f"  Log        {head.log_file}")
    click.echo(f"  More nodes ray start --address={state.gcs_address} with")
    for name, value in head.client_environment().items():
        click.echo(f"             export {name}={value}")
