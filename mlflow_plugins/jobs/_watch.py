"""A runner's second thread: renews the lease and listens for wishes while the first one works."""

import logging
import threading
import time
from enum import Enum

from mlflow_plugins.core import LeaseLost, Settings
from mlflow_plugins.core.leases import heartbeat
from mlflow_plugins.jobs._hold import Hold
from mlflow_plugins.jobs._job import is_cancel_requested
from mlflow_plugins.jobs._statuses import is_deleted

_LOGGER = logging.getLogger(__name__)


class Wish(Enum):
    """Why a runner must end its job early."""

    LOST = "somebody else holds the job"
    CANCEL = "the job was cancelled"
    GIVE_BACK = "the agent was asked to end"


class Watch:
    """Keeps one lease alive and knows what is wished.

    A server that does not answer is no reason to stop: nobody can take the job over while it is
    away, and when it is back the watch sees whether the lease still stands.
    """

    def __init__(
        self,
        hold: Hold,
        run_id: str,
        settings: Settings,
        *,
        is_holder: bool = True,
    ) -> None:
        """Prepare to watch.

        Args:
            hold: The right to work on the job.
            run_id: The user's run.
            settings: How long things wait.
            is_holder: Whether to keep the lease alive rather than to see to it that its holder
                does: silence counts on the clock of this machine, and while the store answers.
        """
        self.wish: Wish | None = None
        self._is_holder = is_holder
        self._heard = ("", time.monotonic())
        self._hold = hold
        self._run_id = run_id
        self._settings = settings
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def close(self) -> None:
        """Stop watching; the lease stays as it is."""
        self._closing.set()
        self._thread.join()

    def ask(self, wish: Wish) -> None:
        """Note a wish; the weightier one stands: LOST over CANCEL over GIVE_BACK."""
        order = list(Wish)
        if self.wish is None or order.index(wish) < order.index(self.wish):
            self.wish = wish

    def _run(self) -> None:
        renewal_due = time.monotonic() + self._settings.lease_seconds / 4
        while not self._closing.wait(self._settings.poll_seconds):
            try:
                self._look()
                if time.monotonic() >= renewal_due:
                    self._renew()
                    renewal_due = time.monotonic() + self._settings.lease_seconds / 4
            except LeaseLost:
                self.ask(Wish.LOST)
                return
            except Exception:  # the server may be back next time
                _LOGGER.warning("the store does not answer; the job goes on", exc_info=True)

    def _look(self) -> None:
        record = self._hold.look()
        if is_cancel_requested(record.tags):
            self.ask(Wish.CANCEL)
        if not self._is_holder:
            self._hold.check()
            self._listen(heartbeat(record.tags, self._hold.lease))

    def _listen(self, sign: str) -> None:
        """Take a holder that is silent for too long for gone.

        Raises:
            LeaseLost: It is.
        """
        heard, since = self._heard
        if sign != heard:
            self._heard = (sign, time.monotonic())
        elif time.monotonic() - since > self._settings.lease_seconds:
            raise LeaseLost(f"The holder of lease {self._hold.lease.token} is silent.")

    def _renew(self) -> None:
        if self._is_holder:
            self._hold.renew()
        if is_deleted(self._hold.client, self._run_id):
            self.ask(Wish.CANCEL)
