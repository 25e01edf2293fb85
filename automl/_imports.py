"""Heavy libraries, imported beside the search rather than before it."""

import threading
from importlib import import_module

_HEAVY = ("optuna", "lightgbm", "sklearn.ensemble", "sklearn.linear_model", "scipy.stats")


class Imports:
    """Imports what this process needs later, in a thread.

    On a busy machine these imports take many seconds. The thread that keeps the deadline must
    never wait for them without a limit.
    """

    def __init__(self, names: tuple[str, ...] = _HEAVY) -> None:
        self._names = names
        self._done = threading.Event()
        threading.Thread(target=self._run, name="automl-imports", daemon=True).start()

    def _run(self) -> None:
        try:
            for name in self._names:
                import_module(name)
        finally:
            self._done.set()  # an import that failed fails again, and visibly, where it is used

    def are_done(self, *, timeout_seconds: float = 0.0) -> bool:
        """Tell whether everything is there, after waiting for it at most so long."""
        return self._done.wait(max(timeout_seconds, 0.0))
