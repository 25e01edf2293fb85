"""The coordinator: keeps trials running, ends those that are behind, and sums up.

It remembers nothing that the store does not have. Whenever it is started it looks at which trials
there are, tells them to the search, and goes on.
"""

import threading
import time
from collections.abc import Sequence

from mlflow import MlflowClient
from mlflow.entities import Run

from mlflow_plugins.core import Record, StudioError
from mlflow_plugins.jobs._children import claimed_children, submit_child
from mlflow_plugins.jobs._job import Job, has_job, to_job
from mlflow_plugins.jobs._queue import JobQueue, cancel_job
from mlflow_plugins.jobs._states import JobStatus
from mlflow_plugins.jobs._statuses import is_deleted
from mlflow_plugins.jobs.sweep import _trials
from mlflow_plugins.jobs.sweep._ending import EarlyEnding
from mlflow_plugins.jobs.sweep._entities import Goal, TrialState
from mlflow_plugins.jobs.sweep._patience import insist, say
from mlflow_plugins.jobs.sweep._ranking import trial_value
from mlflow_plugins.jobs.sweep._search import Search
from mlflow_plugins.jobs.sweep._space import Point, as_text
from mlflow_plugins.jobs.sweep._spec import SweepJob
from mlflow_plugins.jobs.sweep._trial_job import (
    expression_values,
    trial_document,
    with_variables,
)

_STATES = {
    JobStatus.COMPLETED: TrialState.COMPLETED,
    JobStatus.FAILED: TrialState.FAILED,
    JobStatus.CANCELED: TrialState.CANCELED,
}


class Coordinator:
    """Runs the trials of one sweep."""

    def __init__(
        self,
        client: MlflowClient,
        record: Record,
        job: SweepJob,
        *,
        stopping: threading.Event,
        poll_seconds: float,
    ) -> None:
        self._client = client
        self._queue = JobQueue(client)
        self._record = record
        self._own = to_job(record)
        self._job = job
        self._space = job.space
        self._goals = [
            Goal(metric=one.primary_metric, maximize=one.is_maximized) for one in job.goals
        ]
        self._stopping = stopping
        self._poll_seconds = poll_seconds
        self._run_ids: dict[int, str] = {}
        self._open: set[int] = set()
        self._next_point: Point | None = None
        self._is_exhausted = False
        self._has_told_late = False
        self._deadline = time.time() + job.limits.timeout
        earlier = self._read_earlier()
        claimed = claimed_children(record)
        self._n_earlier = len(earlier)
        self.search = Search(job, n_known=len(earlier) + len(claimed))
        self._ending = EarlyEnding(client, job, self._own, self.search, self._n_earlier)
        for run in earlier:
            self._learn(run)
        self._take_up([claimed[_trials.trial_key(number)] for number in range(len(claimed))])

    def run(self) -> bool:
        """Work until every trial has ended; False if the process is to stop before that."""
        while not self._stopping.is_set():
            insist(self._round, stopping=self._stopping)
            if not self._open and not self._may_begin():
                return not self._stopping.is_set()
            self._stopping.wait(self._poll_seconds)
        return False

    @property
    def record_id(self) -> str:
        """The queue's record of the sweep."""
        return self._record.id

    # ------------------------------------------------------------ what there is already

    def _read_earlier(self) -> list[Run]:
        """Return the runs of the sweep that is to be resumed, in the order of their numbers."""
        if self._job.resume_from is None:
            return []
        from mlflow_plugins.jobs.sweep._resuming import read_earlier

        return read_earlier(self._client, self._job.resume_from, self._job)

    def _learn(self, run: Run | None) -> None:
        """Tell the search of a trial that has ended, or that is gone."""
        number = self.search.n_trials
        self.search.begin_at(_trials.point_of(run) if run else {})
        trial = _trials.to_trial(run, self._space) if run else None
        if run is not None:
            self._ending.learn(number, run)
        self.search.tell(
            number,
            trial.values if trial and trial.is_ranked else None,
            is_pruned=trial is not None and trial.state is TrialState.PRUNED,
        )

    def _take_up(self, claimed: Sequence[str]) -> None:
        """Go on with the trials that an earlier life of this process has begun."""
        runs = {run.info.run_id: run for run in _trials.read_runs(self._client, self._own)}
        for run_id in set(runs) - set(claimed):
            self._client.delete_run(run_id)  # made for a trial that another run stands for
        for number, run_id in enumerate(claimed):
            run = runs.get(run_id)
            self._run_ids[number] = run_id
            if run is None or _trials.is_settled(run):
                self._learn(run)
                continue
            self.search.begin_at(_trials.point_of(run))
            self._open.add(number)
            if not has_job(run):
                self._submit(number, _trials.point_of(run))
            if _trials.PRUNED in run.data.tags:
                self._cancel(number)
        if claimed:
            starts = [run.info.start_time / 1000 for run in runs.values()]
            self._deadline = min(starts, default=time.time()) + self._job.limits.timeout
            say(f"{len(claimed)} trials were there already; {len(self._open)} of them go on.")

    # ------------------------------------------------------------ one round

    def _round(self) -> None:
        children = {one.run_id: one for one in self._queue.children(self._own.run_id)}
        for number in sorted(self._open):
            child = children.get(self._run_ids[number])
            if child is None or child.status.is_final:
                self._settle(number, child)
        for number, reason in self._ending.behind(self._run_ids, self._open).items():
            self._prune(number, reason)
        if self._is_late():
            self._end_late()
        while self._may_begin() and len(self._open) < self._n_parallel():
            self._begin()

    def _n_parallel(self) -> int:
        limits = self._job.limits
        return limits.max_concurrent_trials or limits.max_total_trials

    def _may_begin(self) -> bool:
        return not (
            self._is_exhausted
            or self._is_late()
            or self._stopping.is_set()
            or len(self._run_ids) >= self._job.limits.max_total_trials
        )

    def _is_late(self) -> bool:
        return time.time() > self._deadline

    def _end_late(self) -> None:
        """Cancel what still runs after the sweep's time; what has completed counts."""
        if not self._has_told_late:
            say(
                "The sweep has run longer than limits.timeout allows "
                f"({self._job.limits.timeout} seconds); the trials that still run are cancelled."
            )
            self._has_told_late = True
        for number in sorted(self._open):
            self._cancel(number)

    def _begin(self) -> None:
        self._next_point = self._next_point or self.search.ask()
        if self._next_point is None:
            self._is_exhausted = True
            return
        number = len(self._run_ids)
        run_id = self._submit(number, self._next_point).run_id
        self._next_point = None
        self._run_ids[number] = run_id
        self._open.add(number)

    def _submit(self, number: int, point: Point) -> Job:
        spec = self._record.spec or {}
        document = trial_document(
            self._job, spec["job"].get("inputs", {}), name=f"{self._own.display_name}_{number}"
        )
        return submit_child(
            self._client,
            self._record,
            _trials.trial_key(number),
            with_variables(document, self._space.values(point)),
            values=expression_values(self._space, point),
            tags=_trials.trial_tags(number, point),
        )

    def _settle(self, number: int, child: Job | None) -> None:
        """Note how a trial ended, in the store and in the search."""
        run_id = self._run_ids[number]
        histories = [
            _trials.read_history(self._client, run_id, goal.metric) for goal in self._goals
        ]
        single = len(self._goals) == 1
        found = [
            trial_value(history, goal, is_only=single)
            for history, goal in zip(histories, self._goals, strict=True)
        ]
        values = [one for one in found if one is not None]
        values = values if len(values) == len(found) else []
        state = _STATES[child.status] if child else TrialState.FAILED
        if child is not None and not is_deleted(self._client, run_id):
            run = self._client.get_run(run_id)
            if state is TrialState.CANCELED and _trials.PRUNED in run.data.tags:
                state = TrialState.PRUNED
            _trials.settle(self._client, run, self._space, state=state, values=values)
            self._tell_reader(number, _trials.point_of(run), state, values)
        place = number + self._n_earlier
        self._ending.note(place, histories[0])
        self._open.discard(number)
        self.search.tell(
            place,
            values if values and state is TrialState.COMPLETED else None,
            is_pruned=state is TrialState.PRUNED,
        )

    def _tell_reader(
        self, number: int, point: Point, state: TrialState, values: Sequence[float]
    ) -> None:
        scores = ", ".join(
            f"{goal.metric} {value:.6g}" for goal, value in zip(self._goals, values, strict=False)
        )
        params = "  ".join(
            f"{name}={as_text(value)}"
            for name, value in self._space.values(point).items()
            if not isinstance(value, dict)
        )
        say(f"trial {number:3d}  {state:<9}  {scores or 'no metric'}  {params}")

    def _prune(self, number: int, reason: str) -> None:
        self._client.set_tag(self._run_ids[number], _trials.PRUNED, reason)
        self._cancel(number)

    def _cancel(self, number: int) -> None:
        try:
            cancel_job(self._client, self._run_ids[number])
        except StudioError:  # it has ended meanwhile
            return
