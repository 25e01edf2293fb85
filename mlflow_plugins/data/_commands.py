"""``mlflow-studio data``: data assets from the command line."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlflow_plugins.core import Asset, AssetStore, InvalidInput, connect, parse_reference
from mlflow_plugins.data._assets import DATA, create_data_asset, preview
from mlflow_plugins.data._explore_commands import (
    compare_command,
    profile_command,
    query_command,
)
from mlflow_plugins.data.datastores import check_no_way_out, open_datastore

if TYPE_CHECKING:
    from mlflow_plugins.data.importing import Look, SqlQuery

_N_COLUMNS_SHOWN = 50


@click.group("data")
def commands() -> None:
    """Create, list and show data assets; put files into datastores."""


for _command in (profile_command, compare_command, query_command):
    commands.add_command(_command)


@commands.command("create")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--name", required=True, help="Name of the asset.")
@click.option("--version", help="A word of your choice; the next number if left out.")
@click.option("--description", default="")
def create(path: Path, name: str, version: str | None, description: str) -> None:
    """Store the file or folder PATH as a version of a data asset."""
    check_no_way_out(path, path)
    asset = create_data_asset(
        AssetStore(connect()), path, name=name, version=version, description=description
    )
    click.echo(f"Created {asset.reference} ({_size(asset)}).")


@commands.command("import")
@click.argument("source", required=False, default="")
@click.option("--name", required=True, help="Name of the asset.")
@click.option("--version", help="A word of your choice; the next number if left out.")
@click.option("--description", default="")
@click.option("--datastore", help="Where SOURCE is, or the database that the query is for.")
@click.option("--query", help="One SELECT whose rows are imported.")
@click.option("--encoding", help="Of a text file; found out if left out.")
@click.option("--delimiter", help="What separates values; found out if left out.")
@click.option("--header/--no-header", "has_header", default=None, help="Found out if left out.")
@click.option("--sheet", help="Of an Excel workbook with several.")
@click.option(
    "--on-bad-lines",
    type=click.Choice(["refuse", "keep-aside"]),
    default="refuse",
    show_default=True,
    help="Refuse the file, or write lines that are no rows to SOURCE.rejected.csv.",
)
@click.option("--keep-original", is_flag=True, help="Store the file as it is, not as Parquet.")
@click.option("--dry-run", is_flag=True, help="Only look: store nothing.")
def import_command(
    source: str,
    name: str,
    version: str | None,
    description: str,
    datastore: str | None,
    query: str | None,
    dry_run: bool,
    **options: Any,
) -> None:
    """Import the table SOURCE (a path or an address) as a version of a data asset.

    It may be CSV, Excel, Parquet, JSON lines or a ZIP file of such tables.
    """
    from mlflow_plugins.data.importing import ImportOptions, import_data, look_at

    store = AssetStore(connect())
    chosen = _source(store, source, datastore, query)
    how: dict[str, Any] = {"options": ImportOptions(**options), "progress": _show_rows}
    if dry_run:
        with look_at(store, chosen, **how) as (look, _):
            _show_look(look)
        return
    done = import_data(store, chosen, name=name, version=version, description=description, **how)
    _show_look(done.look)
    click.echo(f"Created {done.asset.reference} ({_size(done.asset)}).")


def _source(
    store: AssetStore, source: str, datastore: str | None, query: str | None
) -> "str | SqlQuery":
    from mlflow_plugins.data.importing import SqlQuery

    if query is None:
        return open_datastore(store, datastore).address(source) if datastore else source
    if datastore is None or source:
        raise InvalidInput(
            "A query needs the datastore that it is for, and no SOURCE. Write: "
            "mlflow-studio data import --datastore NAME --query 'SELECT ...' --name NAME"
        )
    return SqlQuery(datastore=datastore, text=query)


def _show_rows(n_rows: int) -> None:
    """Keep one line on a terminal up to date."""
    if sys.stderr.isatty():
        click.echo(f"\r{n_rows:,} rows read", err=True, nl=False)


def _show_look(look: "Look") -> None:
    if sys.stderr.isatty():
        click.echo("\r", err=True, nl=False)
    click.echo(look.sentence())
    for column in look.columns[:_N_COLUMNS_SHOWN]:
        click.echo(f"  {column.name:30} {column.type}")
    if len(look.columns) > _N_COLUMNS_SHOWN:
        click.echo(f"  and {len(look.columns) - _N_COLUMNS_SHOWN:,} more")
    if look.n_rejected:
        click.echo(f"{look.n_rejected:,} lines are no rows; they are in {look.rejected}")


@commands.command("archive")
@click.argument("reference")
def archive_command(reference: str) -> None:
    """Hide REFERENCE (NAME, or NAME:VERSION) from lists. Jobs that name it still find it."""
    name, version = _chosen(reference)
    AssetStore(connect()).archive(DATA, name, version)
    click.echo(f"Archived {reference}.")


@commands.command("restore")
@click.argument("reference")
def restore_command(reference: str) -> None:
    """Undo archive for REFERENCE (NAME, or NAME:VERSION)."""
    name, version = _chosen(reference)
    AssetStore(connect()).restore(DATA, name, version)
    click.echo(f"Restored {reference}.")


@commands.command("lineage")
@click.argument("reference")
def lineage_command(reference: str) -> None:
    """Show the runs that used or made REFERENCE, and the models that came out of them."""
    from mlflow_plugins.data._lineage import lineage

    store = AssetStore(connect())
    found = lineage(store, store.resolve(DATA, parse_reference(reference)))
    if found.made_by is not None:
        click.echo(f"made by  {found.made_by.info.run_id}  {found.made_by.info.run_name}")
    for run in found.used_by:
        click.echo(f"used by  {run.info.run_id}  {run.info.run_name}")
    for model in found.models:
        click.echo(f"model    models:/{model.name}/{model.version}  from run {model.run_id}")


def _chosen(reference: str) -> tuple[str, str | None]:
    parsed = parse_reference(reference)
    if parsed.label is not None:
        raise InvalidInput(f"{reference!r} names a label. Give NAME:VERSION, or NAME for all.")
    return parsed.name, parsed.version


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
    if n_rows and ("schema" in asset.spec or asset.spec.get("type") == "mltable"):
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
