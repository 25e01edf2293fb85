"""``mlflow-studio datastore``: places for files, from the command line."""

import json

import click

from mlflow_plugins.core import Asset, AssetStore, connect
from mlflow_plugins.data.datastores._registry import (
    default_datastore,
    delete_datastore,
    get_datastore,
    list_datastores,
    open_datastore,
    set_default_datastore,
)

_PLACE_FIELDS = ("path", "bucket", "container_name", "filesystem", "file_share_name", "host")


@click.group("datastore")
def commands() -> None:
    """List datastores and look after them; ``mlflow-studio apply -f FILE`` makes one."""


@commands.command("list")
def list_command() -> None:
    """List datastores; the default one has a star."""
    store = AssetStore(connect())
    default = default_datastore(store)
    for asset in list_datastores(store):
        star = "*" if asset.name == default else " "
        click.echo(f"{star} {asset.name:30} {asset.spec['type']:22} {_place(asset)}".rstrip())


@commands.command("show")
@click.argument("name")
def show_command(name: str) -> None:
    """Show what is stored about the datastore NAME. Of credentials, that is where they are."""
    asset = get_datastore(AssetStore(connect()), name)
    document = {"name": name, **asset.spec}
    if asset.description:
        document["description"] = asset.description
    click.echo(
        json.dumps({**document, **({"tags": dict(asset.tags)} if asset.tags else {})}, indent=2)
    )


@commands.command("set-default")
@click.argument("name")
def set_default_command(name: str) -> None:
    """Use the datastore NAME where none is named."""
    set_default_datastore(AssetStore(connect()), name)
    click.echo(f"The default datastore is {name}.")


@commands.command("delete")
@click.argument("name")
def delete_command(name: str) -> None:
    """Forget the datastore NAME. What lies at its place stays there."""
    delete_datastore(AssetStore(connect()), name)
    click.echo(f"Deleted the datastore {name}. Its files are where they were.")


@commands.command("check")
@click.argument("name")
def check_command(name: str) -> None:
    """Reach the datastore NAME from this machine, with its credentials."""
    said = open_datastore(AssetStore(connect()), name).check()
    click.echo(f"The datastore {name} can be read. {said}")


def _place(asset: Asset) -> str:
    spec = asset.spec
    if "url" in spec:
        return str(spec["url"])
    parts = [spec.get("endpoint", ""), spec.get("account_name", "")]
    parts += [str(spec[field]) for field in _PLACE_FIELDS if field in spec]
    return "/".join(part.rstrip("/") for part in [*parts, spec.get("prefix", "")] if part)
