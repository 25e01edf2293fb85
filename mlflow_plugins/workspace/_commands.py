"""``mlflow-studio up`` and ``mlflow-studio agent``."""

import logging
import os
from pathlib import Path

import click

from mlflow_plugins.core import Settings, connect, give_up_soon
from mlflow_plugins.core.agent import Agent, load_reconcilers
from mlflow_plugins.core.processes import exit_with_parent
from mlflow_plugins.workspace._folder import WorkspaceFolder
from mlflow_plugins.workspace._up import UpOptions
from mlflow_plugins.workspace._up import up as run_workspace


@click.command("up")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("mlflow-studio"),
    show_default=True,
    help="Workspace folder: database, files, logs.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Interface to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True)
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True)
@click.option("--backend-store-uri", help="Database instead of the folder's SQLite file.")
@click.option("--artifacts-destination", help="Where files go instead of the folder.")
@click.option("--static-prefix", default="", help="Serve everything below this path, such as /ml.")
@click.option("--auth", "with_auth", is_flag=True, help="Users must log in (MLflow basic auth).")
def up_command(**choices: object) -> None:
    """Run an MLflow server with the studio, and an agent, until Ctrl-C.

    Everything is found as it was on the next start.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    options = UpOptions(**choices)  # type: ignore[arg-type]
    click.echo(f"Starting the workspace in {options.folder.resolve()} …")
    run_workspace(options, on_ready=_announce)
    click.echo("Stopped.")


def _announce(options: UpOptions, folder: WorkspaceFolder) -> None:
    click.echo(f"  Studio     {options.tracking_uri}/studio/")
    click.echo(f"  MLflow UI  {options.tracking_uri}/")
    click.echo(f"  Python     export MLFLOW_TRACKING_URI={options.tracking_uri}")
    click.echo(f"  Logs       {folder.logs}")
    if options.with_auth:
        click.echo(f"  Log in     as admin; the first password is in {folder.admin_password}")
    click.echo("Press Ctrl-C to stop.")


@click.command("agent")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("mlflow-studio-agent"),
    show_default=True,
    help="The agent's own files: job folders, caches, logs.",
)
@click.option("--tracking-uri", help="MLflow server to serve; MLFLOW_TRACKING_URI if left out.")
@click.option(
    "--compute",
    "computes",
    multiple=True,
    metavar="NAME",
    help="Run only the jobs of this compute (may be repeated), and no deployments.",
)
@click.option("--parent-pid", type=int, hidden=True)
def agent_command(
    folder: Path, tracking_uri: str | None, computes: tuple[str, ...], parent_pid: int | None
) -> None:
    """Run jobs and deployments for an MLflow server until Ctrl-C.

    Any number of agents may serve one MLflow server, on any machine that reaches it.
    """
    if computes:
        os.environ["MLFLOW_STUDIO_COMPUTES"] = ",".join(computes)
    if parent_pid is not None:
        exit_with_parent(parent_pid)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    settings = Settings.from_environment()
    client = connect(tracking_uri)
    give_up_soon()  # the agent's next look is its next try
    folder.mkdir(parents=True, exist_ok=True)
    reconcilers = load_reconcilers(
        client, settings, folder.resolve(), only=("jobs",) if computes else ()
    )
    agent = Agent(reconcilers, poll_seconds=settings.poll_seconds)
    click.echo(f"The agent serves {client.tracking_uri}. Press Ctrl-C to stop.")
    agent.run()
