"""The work of a job on another machine, as its runner sees it.

The runner has `work` started there, waits, and keeps the log. What the work has to say at its end
is on the job's record: an exit code cannot tell why an input could not be fetched.
"""

import json
import shlex
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from mlflow_plugins.core import LeaseLost, Settings, StudioError
from mlflow_plugins.core.settings import PREFIX
from mlflow_plugins.jobs._attempt import Attempt, Ending, Interrupted
from mlflow_plugins.jobs._needs import needs_of
from mlflow_plugins.jobs._states import JobStatus
from mlflow_plugins.jobs._watch import Wish
from mlflow_plugins.jobs._work import absolute_uri, explain_exit
from mlflow_plugins.jobs.backends._base import JobBackend, JobProcess, ProcessLost, Ticket

_RESULT = "studio.result"
_ERROR_LIMIT = 4000


@dataclass(frozen=True, slots=True)
class Lost:
    """The machine of an attempt is gone, and nobody knows how the job would have ended."""

    reason: str


class RemoteWork:
    """One attempt at the work of a job on a machine of a remote backend."""

    def __init__(self, attempt: Attempt, *, log: Path, backend: JobBackend) -> None:
        """Read the job's document.

        Args:
            attempt: The job.
            log: Existing file that the output is appended to.
            backend: Starts the work.
        """
        self._attempt = attempt
        self._log = log
        self._backend = backend
        self._ticket = Ticket(
            key=attempt.hold.lease.record_id,
            number=attempt.hold.lease.token,
            run_id=attempt.job.run_id,
            needs=needs_of(attempt.spec.resources),
        )

    def run(self) -> Ending | Wish | Lost:
        """Have it done; return how it ended, the wish that ended it, or that it was lost.

        Raises:
            LeaseLost: Somebody else has the job.
        """
        try:
            return self._result(self._run_command())
        except Interrupted as interruption:
            return interruption.wish
        except LeaseLost:
            raise
        except ProcessLost as loss:
            return Lost(loss.message)
        except StudioError as error:
            return Ending(status=JobStatus.FAILED, error=error.message)

    def _run_command(self) -> int:
        process = self._backend.start(
            self._command(),
            environment=self._environment(),
            folder=None,
            log=self._log,
            ticket=self._ticket,
        )
        try:
            return self._attend(process)
        except BaseException:
            process.stop(0.0 if self._attempt.is_lost else self._attempt.settings.stop_seconds)
            raise

    def _attend(self, process: JobProcess) -> int:
        while (code := process.poll()) is None:
            self._attempt.obey()
            time.sleep(0.05)
        self._attempt.obey()  # the work there sees a wish as soon as we do
        return code

    def _result(self, code: int) -> Ending | Lost:
        record = self._attempt.insist(self._attempt.hold.look)
        ending = read_result(record.tags, token=self._ticket.number)
        if ending is not None:
            return ending
        if code > 128:
            return Lost(f"The process that did the job's work ended with exit code {code}.")
        python = self._backend.remote_python
        return Ending(
            status=JobStatus.FAILED,
            error=f"The job's work could not be done with {python!r} there, which must have "
            f"mlflow-studio. {explain_exit(code)}",
            is_in_log=True,
        )

    def _command(self) -> str:
        python = shlex.quote(self._backend.remote_python or "python")
        return (
            f"exec {python} -P -m mlflow_plugins.jobs.work "
            f"{self._ticket.key} {self._ticket.number} {self._ticket.needs.n_cpus or 1:.0f}"
        )

    def _environment(self) -> dict[str, str]:
        settings = self._attempt.settings
        uri = str(self._attempt.client.tracking_uri)
        return {
            "MLFLOW_TRACKING_URI": absolute_uri(uri),
            "PYTHONUNBUFFERED": "1",
            **{
                PREFIX + field.name.upper(): str(getattr(settings, field.name))
                for field in fields(Settings)
            },
        }


def note_result(attempt: Attempt, ending: Ending) -> None:
    """Leave word, on the other machine, of how the work ended."""
    shortened = replace(ending, error=ending.error[:_ERROR_LIMIT])
    word = json.dumps({"token": attempt.hold.lease.token, "ending": asdict(shortened)})
    attempt.insist(lambda: attempt.hold.note({_RESULT: word}))


def read_result(tags: Mapping[str, str], *, token: int) -> Ending | None:
    """Return how the work of an attempt ended; None if it left no word."""
    word = json.loads(tags.get(_RESULT, "{}"))
    if word.get("token") != token:
        return None
    ending = word["ending"]
    return Ending(**{**ending, "status": JobStatus(ending["status"])})
