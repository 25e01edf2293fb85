"""``mlflow-studio endpoint``: deployments from the command line."""

import json
import time
from typing import TextIO

import click

from mlflow_plugins.core import AssetStore, InvalidInput, connect
from mlflow_plugins.deployments import _keys, _log, _score, _service


@click.group("endpoint")
def commands() -> None:
    """List, show, call and delete online deployments, and manage their keys.

    Create and update them with: mlflow deployments create -t studio
    """


@commands.command("list")
def list_endpoints() -> None:
    """List the deployments."""
    for one in _service.list_deployments(_store()):
        address = one.url or "-"
        click.echo(f"{one.name:24} {one.status:12} {address:32} {one.model_uri}")


@commands.command("show")
@click.argument("name")
def show(name: str) -> None:
    """Show one deployment."""
    one = _service.get_deployment(_store(), name)
    created = time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(one.created_at))
    facts = {
        "name": one.name,
        "endpoint": one.endpoint,
        "status": str(one.status),
        "invocations": f"{one.url}/invocations" if one.url else "-",
        "model": one.model_uri,
        "generation": f"{one.version}, created {created} by {one.created_by}",
        "options": ", ".join(f"{key}={value}" for key, value in one.config.items()) or "-",
        "error": one.error or "-",
    }
    for key, value in facts.items():
        click.echo(f"{key:12} {value}")


@commands.command("invoke")
@click.argument("name")
@click.option(
    "--request-file",
    "-r",
    type=click.File(encoding="utf-8"),
    required=True,
    help="JSON request body, such as {'dataframe_split': ...}; - reads the standard input.",
)
def invoke(name: str, request_file: TextIO) -> None:
    """Score the rows of a JSON request and print the answer."""
    try:
        body = json.load(request_file)
    except ValueError as error:
        raise InvalidInput(f"{request_file.name!r} is not JSON: {error}.") from error
    if not isinstance(body, dict):
        raise InvalidInput(
            f"{request_file.name!r} holds no JSON object. Write a whole request body, such as "
            '{"dataframe_records": [{"age": 39}]}.'
        )
    click.echo(json.dumps(_score.score(_store(), name, body)))


@commands.command("keys")
@click.argument("name")
@click.option("--issue", is_flag=True, help="Make a new key and print it, once.")
@click.option("--label", default="", help="What the new key is for.")
@click.option("--days", type=click.FloatRange(min=0, min_open=True), help="How long it is valid.")
@click.option("--revoke", metavar="ID", help="Take a key back.")
def keys(name: str, issue: bool, label: str, days: float | None, revoke: str | None) -> None:
    """List the keys of a deployment, or issue or revoke one."""
    store = _store()
    if issue:
        seconds = None if days is None else days * 86_400
        click.echo(_keys.issue_key(store, name, seconds=seconds, label=label))
    elif revoke:
        _keys.revoke_key(store, name, revoke)
        click.echo(f"Revoked {revoke}.")
    else:
        now = time.time()
        for key in _keys.list_keys(store, name):
            click.echo(f"{key.id}  {_validity(key, now):28} {key.label}")


@commands.command("logs")
@click.argument("name")
def logs(name: str) -> None:
    """Print the last lines of the scoring server's log."""
    click.echo(_log.read_log(_store(), name), nl=False)


@commands.command("delete")
@click.argument("name")
@click.confirmation_option("--yes", "-y", prompt="Delete this deployment?")
def delete(name: str) -> None:
    """Delete a deployment."""
    _service.delete_deployment(_store(), name)
    click.echo(f"Deleted {name}.")


def _validity(key: _keys.Key, now: float) -> str:
    if key.is_revoked:
        return "revoked"
    if key.expires_at is None:
        return "valid"
    word = "valid until" if key.is_valid(now) else "expired"
    return f"{word} {time.strftime('%Y-%m-%d %H:%M', time.localtime(key.expires_at))}"


def _store() -> AssetStore:
    return AssetStore(connect())
