"""``mlflow-studio environment``: environments from the command line."""

import os
import sys
import tempfile
from datetime import datetime
from pathlib import Path

import click
import yaml

from mlflow_plugins.core import Asset, Settings, connect
from mlflow_plugins.jobs._document import read_job_file
from mlflow_plugins.jobs._runner_folder import environments_folder
from mlflow_plugins.jobs.environments import (
    Host,
    apply,
    archive_environment,
    get_environment,
    list_cached,
    list_environments,
    pin_asset,
    prepare,
    read_build_log,
)

_AGENT_FOLDER = click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("mlflow-studio-agent"),
    show_default=True,
    help="The agent's folder; below a workspace of 'mlflow-studio up' it is called agent.",
)


@click.group("environment")
def commands() -> None:
    """Create, list, show and build environments."""


@commands.command("create")
@click.option("-f", "--file", type=click.Path(path_type=Path), required=True)
def create_command(file: Path) -> None:
    """Create the environment that FILE describes; nothing happens if it exists."""
    asset = apply(connect(), read_job_file(file), base_folder=file.absolute().parent)
    click.echo(f"{asset.reference} is there.")
    _warn(asset)


@commands.command("list")
@click.option("--all", "is_all", is_flag=True, help="Archived ones too.")
def list_command(is_all: bool) -> None:
    """List environments by their latest versions."""
    for asset in list_environments(connect(), include_archived=is_all):
        mark = "  (archived)" if asset.is_archived else ""
        click.echo(f"{asset.name:30} {asset.version:>8}  {_summary(asset)}{mark}")


@commands.command("show")
@click.argument("reference")
def show_command(reference: str) -> None:
    """Show REFERENCE (NAME, NAME:VERSION or NAME@LABEL) as a file that would create it."""
    asset = get_environment(connect(), reference)
    about = {"name": asset.name, "version": asset.version, "description": asset.description}
    document = {**about, "tags": dict(asset.tags), **asset.spec}
    shown = {key: value for key, value in document.items() if value}
    click.echo(yaml.safe_dump(shown, sort_keys=False, allow_unicode=True), nl=False)


@commands.command("archive")
@click.argument("reference")
def archive_command(reference: str) -> None:
    """Hide REFERENCE (NAME or NAME:VERSION) from listings; jobs may still name the version."""
    archive_environment(connect(), reference)
    click.echo(f"{reference} is archived.")


@commands.command("build")
@click.argument("reference")
@_AGENT_FOLDER
def build_command(reference: str, folder: Path) -> None:
    """Make REFERENCE on this machine now, so that the first job need not wait for it."""
    asset = get_environment(connect(), reference)
    _warn(asset)
    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch) / "build.log"
        log.touch()
        host = Host(
            folder=environments_folder(folder),
            log=log,
            variables=dict(os.environ),
            settings=Settings.from_environment(),
        )
        try:
            with prepare(pin_asset(asset), host) as prepared:
                where = prepared.folder
        finally:
            click.echo(log.read_text(errors="replace"), nl=False, err=True)
    click.echo(str(where))


@commands.command("cached")
@_AGENT_FOLDER
def cached_command(folder: Path) -> None:
    """List the environments that this machine keeps, the last used first."""
    for one in list_cached(environments_folder(folder)):
        used = datetime.fromtimestamp(one.last_used_at).astimezone().strftime("%Y-%m-%d %H:%M")
        state = "  in use" if one.is_in_use else ""
        size = f"{one.size_bytes / 2**20:.0f} MiB"
        click.echo(f"{one.hash}  {used}  {size:>9}  Python {one.python:8} {one.title}{state}")


@commands.command("log")
@click.argument("environment_hash")
@_AGENT_FOLDER
def log_command(environment_hash: str, folder: Path) -> None:
    """Print what was said when an environment of this machine was made."""
    text = read_build_log(environments_folder(folder), environment_hash)
    if not text:
        click.echo(
            f"Error: This machine keeps no environment {environment_hash!r} in {folder}. "
            "See: mlflow-studio environment cached",
            err=True,
        )
        sys.exit(1)
    click.echo(text, nl=False)


def _warn(asset: Asset) -> None:
    for words in pin_asset(asset).not_applied:
        click.echo(f"Warning: not applied: {words}", err=True)


def _summary(asset: Asset) -> str:
    recipe = pin_asset(asset).recipe
    if recipe is None:
        return "an image: the workspace's own environment is used"
    python = f"Python {recipe.python or 'any'}"
    return f"{python}, {len(recipe.requirements)} packages"
