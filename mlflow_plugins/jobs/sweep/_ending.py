"""Early endings: reads what running trials have logged and asks the policy or the pruner."""

from collections.abc import Collection, Mapping

from mlflow import MlflowClient
from mlflow.entities import Run

from mlflow_plugins.jobs._job import Job
from mlflow_plugins.jobs.sweep import _trials
from mlflow_plugins.jobs.sweep._policies import due, is_behind
from mlflow_plugins.jobs.sweep._search import Search
from mlflow_plugins.jobs.sweep._spec import SweepJob


class EarlyEnding:
    """Knows which running trials are to be ended; trials have their numbers in the search here."""

    def __init__(
        self, client: MlflowClient, job: SweepJob, sweep: Job, search: Search, n_earlier: int
    ) -> None:
        self._client = client
        self._job = job
        self._sweep = sweep
        self._search = search
        self._n_earlier = n_earlier
        self._goal = job.goals[0]
        self._is_on = job.early_termination is not None or job.pruner is not None
        self._finished: dict[int, list[float]] = {}
        self._running: dict[int, list[float]] = {}
        self._signs: dict[int, object] = {}
        self._judged: dict[int, int] = {}

    def learn(self, place: int, run: Run) -> None:
        """Note what a trial had logged that ended before this process began."""
        if self._is_on:
            metric = self._goal.primary_metric
            self.note(place, _trials.read_history(self._client, run.info.run_id, metric))

    def note(self, place: int, history: list[float]) -> None:
        """Note all that a trial has logged that has ended."""
        self._running.pop(place, None)
        if self._is_on:
            self._finished[place] = history
            self._search.report(place, history)

    def behind(self, run_ids: Mapping[int, str], running: Collection[int]) -> dict[int, str]:
        """Return the running trials that are to be ended, with the reason.

        One query says which of them have logged something new; only their values are read.
        """
        if not self._is_on or not running:
            return {}
        fresh = self._read_fresh({run_ids[number]: number for number in running})
        ended = self._ask_pruner(fresh) if self._job.pruner else self._ask_policy()
        return {place - self._n_earlier: reason for place, reason in ended.items()}

    def _read_fresh(self, numbers: Mapping[str, int]) -> list[int]:
        fresh = []
        metric = self._goal.primary_metric
        for run in _trials.read_runs(self._client, self._sweep):
            number = numbers.get(run.info.run_id)
            sign = _trials.latest_sign(run, metric)
            if number is None or sign is None or _trials.PRUNED in run.data.tags:
                continue
            place = number + self._n_earlier
            if self._signs.get(place) != sign:
                self._signs[place] = sign
                self._running[place] = _trials.read_history(self._client, run.info.run_id, metric)
                fresh.append(place)
        return fresh

    def _ask_pruner(self, fresh: list[int]) -> dict[int, str]:
        name = self._job.pruner.name if self._job.pruner else ""
        return {
            place: f"{name} after {len(self._running[place])} values"
            for place in fresh
            if self._search.report(place, self._running[place])
        }

    def _ask_policy(self) -> dict[int, str]:
        policy = self._job.early_termination
        if policy is None:
            return {}
        ended = {}
        for place, interval in due(policy, self._running, self._judged).items():
            self._judged[place] = interval
            others = [one for other, one in self._running.items() if other != place]
            if is_behind(
                policy,
                self._running[place],
                others,
                self._finished.values(),
                interval=interval,
                maximize=self._goal.is_maximized,
            ):
                ended[place] = f"{policy.type} at interval {interval}"
        return ended
