"""``mlflow-studio apply``: files become assets."""

import logging
from pathlib import Path

import click

from mlflow_plugins.core import apply_file, connect


@click.command("apply")
@click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    help="A YAML file that describes an asset; may be repeated.",
)
def apply_command(files: tuple[Path, ...]) -> None:
    """Create or change what the files describe: computes, data assets and other kinds.

    A file whose asset stands as described changes nothing. Jobs are submitted with: mlflow run
    FILE -b studio
    """
    logging.basicConfig(level=logging.WARNING, format="Warning: %(message)s")
    client = connect()
    for path in files:
        asset = apply_file(client, path)
        click.echo(f"{path}: {asset.kind} {asset.name} is at version {asset.version}.")
