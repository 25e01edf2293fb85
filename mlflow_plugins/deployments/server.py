"""The scoring server process: ``python -m mlflow_plugins.deployments.server NAME VERSION``.

Agents start it; it outlives them. It loads the model, listens (on the socket of the generation that
it replaces, if that runs in the same folder), notes its port in ``g<VERSION>.json`` in the working
directory, and ends by itself when the store says that it is not needed any more.
"""

import argparse
import asyncio
import logging
import socket
import sys
import traceback
from pathlib import Path

from mlflow.exceptions import MlflowException

from mlflow_plugins.core import Asset, AssetStore, Settings, connect
from mlflow_plugins.core.processes import ProcessIdentity
from mlflow_plugins.deployments._app import ScoringApp
from mlflow_plugins.deployments._config import ServingConfig
from mlflow_plugins.deployments._entities import DEPLOYMENT
from mlflow_plugins.deployments._handover import bind, offer, take_over
from mlflow_plugins.deployments._key_ring import KeyRing, OpenDoor
from mlflow_plugins.deployments._note import write_note
from mlflow_plugins.deployments._scorer import Scorer
from mlflow_plugins.deployments._server import ScoringServer, run
from mlflow_plugins.deployments._watch import WATCH_SECONDS, Watch, read_deployment_keys

_LOGGER = logging.getLogger(__name__)


def main(arguments: list[str] | None = None) -> int:
    """Run one server; return the exit status."""
    parser = argparse.ArgumentParser(description="Serve one generation of a deployment.")
    parser.add_argument("name")
    parser.add_argument("version")
    parser.add_argument("--port", type=int, default=0, help="used if it is free")
    options = parser.parse_args(arguments)
    start_logging()
    try:
        serve_deployment(options.name, options.version, options.port)
    except MlflowException as error:
        _LOGGER.error("%s", error.message)  # noqa: TRY400 - it says all there is to say
        return 1
    except Exception as error:  # noqa: BLE001 - the last line of the log must say what it was
        traceback.print_exc()
        _LOGGER.error("%s: %s", type(error).__name__, error)  # noqa: TRY400 - printed above
        return 1
    return 0


def serve_deployment(name: str, version: str, port_hint: int) -> None:
    """Serve one generation of a deployment until the store or a signal says to end."""
    store = AssetStore(connect())
    asset = store.get(DEPLOYMENT, name, version)
    config = ServingConfig.parse(asset.spec["config"])
    scorer = Scorer.load(asset.spec["model_uri"], config)
    listener = _listener(version, config, port_hint)
    asyncio.run(_serve(store, asset, scorer, config, listener))


async def _serve(
    store: AssetStore,
    asset: Asset,
    scorer: Scorer,
    config: ServingConfig,
    listener: socket.socket,
) -> None:
    me = ProcessIdentity.of()
    keys = KeyRing(lambda: read_deployment_keys(store, asset.name))
    app = ScoringApp(
        scorer,
        config,
        guard=keys,
        identity={"deployment": asset.name, "version": asset.version},
    )
    server = ScoringServer(app, finish_seconds=Settings.from_environment().stop_seconds)
    watch = Watch(store, asset, me=me, on_end=server.drain, on_keys=keys.replace)

    def on_ready() -> None:
        offer(listener, _door(asset.version))
        write_note(Path(), asset.version, process=str(me), port=listener.getsockname()[1])
        _LOGGER.info("Ready on port %d.", listener.getsockname()[1])

    watch.look()
    await run(server, listener, on_ready=on_ready, look=watch.look, watch_seconds=WATCH_SECONDS)
    _door(asset.version).unlink(missing_ok=True)


def serve_model(model_uri: str, config: ServingConfig) -> None:
    """Serve a model in the foreground, without a store and without keys."""
    start_logging()
    scorer = Scorer.load(model_uri, config)
    listener = bind(config.host, config.port, is_chosen=config.port != 0)
    app = ScoringApp(scorer, config, guard=OpenDoor(), identity={})
    server = ScoringServer(app, finish_seconds=config.request_timeout_seconds)
    url = f"http://{config.host}:{listener.getsockname()[1]}"
    asyncio.run(
        run(
            server,
            listener,
            on_ready=lambda: _LOGGER.info("Ready at %s/invocations", url),
            look=lambda: None,
            watch_seconds=WATCH_SECONDS,
        )
    )


def start_logging() -> None:
    """Log to the standard error stream, one line for each event."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    for name in ("alembic", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _door(version: str) -> Path:
    return Path(f"g{version}.sock")


def _listener(version: str, config: ServingConfig, port_hint: int) -> socket.socket:
    """Return the socket of the newest earlier generation in this folder, or a new one."""
    numbers = [int(path.stem[1:]) for path in Path().glob("g*.sock") if path.stem[1:].isdecimal()]
    for number in sorted(numbers, reverse=True):
        taken = take_over(_door(str(number))) if number < int(version) else None
        if taken is not None:
            if _is_wanted(taken, config):
                return taken
            taken.close()
    port = config.port or port_hint
    return bind(config.host, port, is_chosen=config.port != 0)


def _is_wanted(listener: socket.socket, config: ServingConfig) -> bool:
    host, port = listener.getsockname()[:2]
    addresses = {info[4][0] for info in socket.getaddrinfo(config.host, None)}
    return host in addresses and config.port in (0, port)


if __name__ == "__main__":
    sys.exit(main())
