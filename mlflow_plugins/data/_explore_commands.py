"""``mlflow-studio data profile | compare | query``: exploring data assets from the terminal."""

import json
from contextlib import ExitStack

import click

from mlflow_plugins.core import Asset, AssetStore, InvalidInput, connect, parse_reference
from mlflow_plugins.data._assets import DATA

_N_SHOWN = 40


@click.command("profile")
@click.argument("reference")
@click.option("--target", help="A column to be predicted: what the others say about it.")
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
def profile_command(reference: str, target: str | None, as_json: bool) -> None:
    """Show what is in the table REFERENCE (NAME, NAME:VERSION or NAME@LABEL)."""
    from mlflow_plugins.data._exploring import asset_profile

    store, asset = _asset(reference)
    found = asset_profile(store, asset, target=target)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2, ensure_ascii=False))
        return
    click.echo(f"{asset.reference}: {found.n_rows:,} rows, {found.n_duplicate_rows:,} repeated")
    click.echo(f"{'column':30} {'type':9} {'missing':>8} {'distinct':>10}  values")
    for column in found.columns:
        missing = column.n_missing / column.count if column.count else 0.0
        click.echo(
            f"{column.name[:30]:30} {column.type:9} {missing:>8.1%} {column.n_distinct:>10,}  "
            f"{_values(column.minimum, column.maximum)}"
        )
    for one in found.suspicions:
        click.echo(f"{one.kind}: {', '.join(one.columns)}: {one.reason}")
    for about in found.target_associations[:_N_SHOWN] if target else ():
        click.echo(f"{about.column[:30]:30} predicts {about.predictive_power:.0%} of {target}")


@click.command("compare")
@click.argument("old")
@click.argument("new")
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
def compare_command(old: str, new: str, as_json: bool) -> None:
    """Show what has changed from the table OLD to the table NEW."""
    from mlflow_plugins.data._exploring import open_asset
    from mlflow_plugins.data.explore import compare

    with ExitStack() as stack:
        tables = [stack.enter_context(open_asset(*_asset(one))) for one in (old, new)]
        found = compare(*tables)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2, ensure_ascii=False))
        return
    click.echo(f"{found.old_rows:,} rows became {found.new_rows:,}")
    for name in found.added:
        click.echo(f"added    {name}")
    for name in found.removed:
        click.echo(f"removed  {name}")
    for retyped in found.retyped:
        click.echo(f"retyped  {retyped.name}: {retyped.old} became {retyped.new}")
    click.echo(f"{'column':30} {'drift':9} {'psi':>8} {'distance':>9} {'p':>9}")
    for one in found.columns:
        figures = [_figure(x) for x in (one.psi, one.jensen_shannon, one.p_value)]
        click.echo(
            f"{one.name[:30]:30} {one.level or '-':9} "
            f"{figures[0]:>8} {figures[1]:>9} {figures[2]:>9}"
        )


@click.command("query")
@click.argument("sql")
@click.option(
    "--table",
    "tables",
    multiple=True,
    metavar="NAME=REFERENCE",
    required=True,
    help="What the query calls a data asset; may be given several times.",
)
@click.option("--rows", "max_rows", type=click.IntRange(1, 100_000), default=100, show_default=True)
def query_command(sql: str, tables: tuple[str, ...], max_rows: int) -> None:
    """Show the rows of one SELECT over data assets: --table people=people@latest."""
    from mlflow_plugins.data._exploring import open_asset
    from mlflow_plugins.data.explore import query

    with ExitStack() as stack:
        opened = {}
        for pair in tables:
            name, equals, reference = pair.partition("=")
            if not (name and equals and reference):
                raise InvalidInput(f"--table is {pair!r}. Write NAME=REFERENCE.")
            opened[name] = stack.enter_context(open_asset(*_asset(reference)))
        result = query(sql, opened, max_rows=max_rows)
    click.echo(result.rows.to_pandas().to_string(index=False))
    if not result.is_complete:
        click.echo(f"These are the first {max_rows:,} rows. More: --rows", err=True)


def _asset(reference: str) -> tuple[AssetStore, Asset]:
    store = AssetStore(connect())
    return store, store.resolve(DATA, parse_reference(reference))


def _values(least: object, largest: object) -> str:
    shown = [str(one)[:24] for one in (least, largest) if one is not None]
    return " … ".join(shown)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"
