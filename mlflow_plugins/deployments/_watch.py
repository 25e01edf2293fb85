"""What a running server asks the store now and then: may I still live, and which keys are valid?"""

import logging
from collections.abc import Callable, Sequence

from mlflow_plugins.core import Asset, AssetStore, Clock, NotFound, SystemClock
from mlflow_plugins.core.processes import ProcessIdentity
from mlflow_plugins.deployments._entities import DEPLOYMENT, DeploymentStatus
from mlflow_plugins.deployments._keys import Key, read_keys

WATCH_SECONDS = 2.0
SIGN_OF_LIFE_SECONDS = 8.0

_SYSTEM_CLOCK = SystemClock()
_LOGGER = logging.getLogger(__name__)


class Watch:
    """Looks at the record of one generation on behalf of the server that serves it.

    Args:
        store: Where the deployment is kept.
        asset: The generation that this process serves.
        me: This process.
        on_end: Called with the reason when this server must end.
        on_keys: Called with the keys that are valid now.
        clock: Tells the time.
    """

    def __init__(
        self,
        store: AssetStore,
        asset: Asset,
        *,
        me: ProcessIdentity,
        on_end: Callable[[str], None],
        on_keys: Callable[[Sequence[Key]], None],
        clock: Clock = _SYSTEM_CLOCK,
    ) -> None:
        self._store = store
        self._asset = asset
        self._me = me
        self._on_end = on_end
        self._on_keys = on_keys
        self._clock = clock
        self._said_at = float("-inf")

    def look(self) -> None:
        """Look once. A store that does not answer changes nothing: the server goes on."""
        try:
            self._on_keys(read_deployment_keys(self._store, self._asset.name))
            reason = self._reason_to_end()
            if reason:
                self._on_end(reason)
            elif self._clock.now() - self._said_at >= SIGN_OF_LIFE_SECONDS:
                self._said_at = self._clock.now()
                self._store.set_state(self._asset, {"seen_at": repr(self._said_at)})
        except NotFound:
            self._on_end("the deployment was deleted")
        except Exception as error:  # noqa: BLE001 - whatever it is, clients must not suffer from it
            _LOGGER.warning("The store cannot be asked now (%s).", type(error).__name__)

    def _reason_to_end(self) -> str:
        mine = self._store.get(DEPLOYMENT, self._asset.name, self._asset.version)
        if mine.state.get("process", str(self._me)) != str(self._me):
            return "another process serves this generation"
        newest = self._store.get(DEPLOYMENT, self._asset.name)
        is_replaced = newest.version != mine.version
        if is_replaced and newest.state.get("status") == DeploymentStatus.RUNNING:
            return f"generation {newest.version} serves now"
        return ""


def read_deployment_keys(store: AssetStore, name: str) -> list[Key]:
    """Read the keys of a deployment, which are kept with its newest generation."""
    return read_keys(store.records.get(store.get(DEPLOYMENT, name).record_id).tags)
