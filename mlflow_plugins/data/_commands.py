"""``mlflow-studio data``: data assets from the command line."""

from pathlib import Path

import click

from mlflow_plugins.core import Asset, AssetStore, connect, parse_reference
from mlflow_plugins.data._assets import DATA, create_data_asset, preview
from mlflow_plugins.data.datastores import open_datastore


@click.group("data")
def commands() -> None:
    """Create, list and show data assets; put files into datastores."""


@commands.command("create")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--name", required=True, help="Name of the asset.")
@click.option("--version", help="A word of your choice; the next number if left out.")
@click.option("--description", default="")
def create(path: Path, name: str, version: str | None, description: str) -> None:
    """Store the table or folder PATH as a version of a data asset."""
    asset = create_data_asset(
        AssetStore(connect()), path, name=name, version=version, description=description
    )
    click.echo(f"Created {asset.reference} ({_size(asset)}).")


@commands.command("list")
def list_assets() -> None:
    """List data assets by their latest versions."""
    store, token = AssetStore(connect()), None
    while True:
        page = store.search(DATA, page_token=token)
        for asset in page.items:
            click.echo(f"{asset.name:30} {asset.version:>8}  {_size(asset)}")
        token = page.next_token
        if token is None:
            return


@commands.command("show")
@click.argument("reference")
@click.option("--rows", "n_rows", type=click.IntRange(0, 1000), default=5, show_default=True)
def show(reference: str, n_rows: int) -> None:
    """Show the columns and first rows of REFERENCE (NAME, NAME:VERSION or NAME@LABEL)."""
    store = AssetStore(connect())
    asset = store.resolve(DATA, parse_reference(reference))
    click.echo(f"{asset.reference}  {_size(asset)}  sha256 {asset.spec['digest'][:12]}…")
    for column in asset.spec.get("schema", []):
        click.echo(f"  {column['name']:30} {column['type']}")
    if n_rows and asset.spec["type"] == "uri_file":
        click.echo(preview(store, asset, n_rows=n_rows).to_pandas().to_string(index=False))


@commands.command("upload")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--datastore", help="Its name; the workspace's default one if left out.")
@click.option(
    "--path",
    "target",
    default="",
    help="Where it goes in the datastore. A file keeps its name if this ends in '/'.",
)
def upload(path: Path, datastore: str | None, target: str) -> None:
    """Copy the file PATH, or what is in the folder PATH, to a datastore."""
    opened = open_datastore(AssetStore(connect()), datastore)
    place = opened.upload(path, target)
    click.echo(f"Uploaded to {opened.address(place)}")


def _size(asset: Asset) -> str:
    mib = asset.spec["size_bytes"] / 2**20
    rows = f"{asset.spec['n_rows']:,} rows, " if "n_rows" in asset.spec else ""
    return f"{rows}{mib:.1f} MiB"
