"""An agent's part in deployments: every wanted generation has a server, and no other has."""

import contextlib
import logging
from dataclasses import dataclass
from pathlib import Path

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from mlflow_plugins.core import (
    Asset,
    AssetStore,
    Clock,
    Lease,
    LeaseLost,
    Leases,
    NotFound,
    Settings,
    SystemClock,
)
from mlflow_plugins.core.processes import ProcessIdentity
from mlflow_plugins.deployments._entities import DEPLOYMENT
from mlflow_plugins.deployments._hosting import Hosting
from mlflow_plugins.deployments._service import latest_assets

_SYSTEM_CLOCK = SystemClock()
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Ending:
    hosting: Hosting
    kill_at: float


class DeploymentReconciler:
    """Hosts deployments on this machine.

    Of every deployment the newest generation is wanted, and until that is ready, the newest one
    before it that ever was. Whoever takes a generation's lease hosts it; a server that still runs
    on this machine is adopted as it is.

    Args:
        client: Client of the tracking store.
        settings: How long things wait.
        folder: This agent's folder.
        clock: Tells the time.
    """

    def __init__(
        self,
        client: MlflowClient,
        settings: Settings,
        folder: Path,
        *,
        clock: Clock = _SYSTEM_CLOCK,
    ) -> None:
        self._store = AssetStore(client)
        self._leases = Leases(client, clock=clock)
        self._settings = settings
        self._folder = folder / "deployments"
        self._clock = clock
        self._me = str(ProcessIdentity.of())
        self._hostings: dict[str, Hosting] = {}
        self._ending: list[_Ending] = []
        self._predecessors: dict[str, Asset | None] = {}

    def reconcile(self) -> None:
        """Look at all deployments once."""
        wanted: dict[str, Asset] = {}
        ports: dict[str, int] = {}
        for asset in latest_assets(self._store):
            previous = None if "ready_at" in asset.state else self._predecessor(asset)
            for one in (asset, previous):
                if one is not None:
                    wanted[one.record_id] = one
            if previous is not None:
                ports[asset.record_id] = int(previous.state.get("port", 0))
        for record_id in self._hostings.keys() - wanted.keys():
            self._retire(self._hostings.pop(record_id))
        for record_id, asset in wanted.items():
            self._host(asset, ports.get(record_id, 0))
        self._forget_ended()

    def stop(self) -> None:
        """End all servers; the next agent starts them again where they were."""
        for hosting in self._hostings.values():
            self._retire(hosting)
        self._hostings.clear()
        while self._ending:
            self._clock.sleep(0.1)
            self._forget_ended()

    def _predecessor(self, asset: Asset) -> Asset | None:
        """Return the generation that serves until this one is ready; it never changes again."""
        if asset.record_id not in self._predecessors:
            with contextlib.suppress(NotFound):
                older = self._store.versions(DEPLOYMENT, asset.name)
                self._predecessors[asset.record_id] = next(
                    (
                        one
                        for one in older
                        if int(one.version) < int(asset.version) and "ready_at" in one.state
                    ),
                    None,
                )
        return self._predecessors.get(asset.record_id)

    def _host(self, asset: Asset, predecessor_port: int) -> None:
        try:
            hosting = self._hostings.get(asset.record_id) or self._take(asset)
            if hosting is not None:
                hosting.asset = asset
                hosting.step(self._leases, predecessor_port)
        except LeaseLost as error:
            _LOGGER.warning("%s", error)
            self._end(self._hostings.pop(asset.record_id))
        except Exception:  # one deployment must not keep the others from their turn
            _LOGGER.exception("The deployment %r could not be looked after", asset.name)

    def _take(self, asset: Asset) -> Hosting | None:
        lease = self._leases.take(
            asset.record_id,
            holder=self._me,
            seconds=self._settings.lease_seconds,
            holder_is_dead=_is_dead,
        )
        if lease is None:
            return None
        hosting = Hosting(
            self._store,
            asset,
            lease=lease,
            settings=self._settings,
            folder=self._folder / asset.name,
            clock=self._clock,
        )
        self._hostings[asset.record_id] = hosting
        return hosting

    def _retire(self, hosting: Hosting) -> None:
        self._end(hosting)
        with contextlib.suppress(MlflowException):  # the record may be deleted
            hosting.note_stopped()
            self._leases.release(hosting.lease)

    def _end(self, hosting: Hosting) -> None:
        hosting.ask_to_end()
        kill_at = self._clock.now() + self._settings.stop_seconds
        self._ending.append(_Ending(hosting, kill_at))

    def _forget_ended(self) -> None:
        for one in self._ending:
            if self._clock.now() >= one.kill_at:
                one.hosting.kill_if_alive()
        self._ending = [one for one in self._ending if one.hosting.is_process_alive]


def _is_dead(lease: Lease) -> bool:
    holder = ProcessIdentity.parse(lease.holder)
    return holder.is_local and holder.find() is None
