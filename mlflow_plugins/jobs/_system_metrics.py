"""What the machine of a job had to do meanwhile: MLflow's own system metrics, on the job's run."""

import contextlib
import logging
import threading
from collections.abc import Iterator, Mapping

from mlflow.entities import Run

SYSTEM = "system/"  # MLflow's prefix
SWITCH = "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING"
_LATE_SECONDS = 3.0


def own_metrics(run: Run) -> dict[str, float]:
    """Return the metrics of a run that are not about its machine, by name."""
    return {
        name: value
        for name, value in sorted(run.data.metrics.items())
        if not name.startswith(SYSTEM)
    }


@contextlib.contextmanager
def system_metrics(
    run_id: str, *, tracking_uri: str, environment: Mapping[str, str], is_first: bool
) -> Iterator[None]:
    """Log CPU, memory, disk, network and GPUs of this machine as long as the block lasts.

    A short command is left alone: the first sample comes after some seconds. MLflow's variables say
    how often the next ones come.

    Args:
        run_id: The user's run.
        tracking_uri: Where it is.
        environment: The command's. If it has MLflow's switch for system metrics, one way or the
            other, nothing happens here: MLflow does within the command as it says.
        is_first: Whether this is the first attempt; a later one goes on after the steps before it.
    """
    if SWITCH in environment:
        yield
        return
    watch = _LateMonitor(run_id, tracking_uri, resumes=not is_first)
    try:
        yield
    finally:
        watch.close()


class _LateMonitor:
    def __init__(self, run_id: str, tracking_uri: str, *, resumes: bool) -> None:
        self._run_id = run_id
        self._tracking_uri = tracking_uri
        self._resumes = resumes
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="system metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        if self._closing.wait(_LATE_SECONDS):
            return
        from mlflow.system_metrics import system_metrics_monitor as mlflows

        logging.getLogger(mlflows.__name__).setLevel(logging.WARNING)
        monitor = mlflows.SystemMetricsMonitor(
            self._run_id, resume_logging=self._resumes, tracking_uri=self._tracking_uri
        )  # type: ignore[no-untyped-call]
        monitor.start()  # type: ignore[no-untyped-call]
        self._closing.wait()
        monitor.finish()  # type: ignore[no-untyped-call]
