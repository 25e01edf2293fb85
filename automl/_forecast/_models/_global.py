"""What models that learn from all series together share."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from automl._forecast._features import Design, FeatureMaker, known_of, make_design
from automl._forecast._models._base import OutOfTime, Work, always, with_fallback
from automl._forecast._panel import Array, Panel

_MAX_HISTORY = 12_000
_MIN_ROWS = 60


class Regressor(Protocol):
    """What is learned from the design."""

    def predict(self, X: Array) -> Array:
        """Return predictions, shape (R,)."""


class GlobalModel(ABC):
    """A direct model: one regression whose features include the step ahead.

    No forecast is fed back into the next, so errors do not pile up within the horizon.
    """

    name: str

    def suits(self, panel: Panel, horizon: int) -> bool:
        """Whether there are enough rows to learn from."""
        return int(np.maximum(panel.lengths - 4, 0).sum()) * min(horizon, 4) >= _MIN_ROWS

    def fit(self, panel: Panel, work: Work) -> "GlobalFitted":
        """Learn from origins throughout the history."""
        panel = panel.last(_MAX_HISTORY)
        design = make_design(
            panel,
            lags=work.lags,
            window=work.rolling_window,
            has_feature_lags=work.has_feature_lags,
        )
        X, target, weight = training_rows(panel, design, work)
        work.check_time()
        regressor = self.learn(X, target, weight, work)
        return GlobalFitted(
            design=design, regressor=regressor, horizon=work.horizon, may_go_on=work.may_go_on
        )

    @abstractmethod
    def learn(self, X: Array, target: Array, weight: Array, work: Work) -> Regressor:
        """Fit the regression.

        Args:
            X: Features, shape (R, f).
            target: Scaled differences from the base, shape (R,).
            weight: Weights of the rows, shape (R,).
            work: Circumstances.
        """


def training_rows(panel: Panel, design: Design, work: Work) -> tuple[Array, Array, Array]:
    """Return features, targets and weights of random origins and steps of all series."""
    rng = np.random.default_rng(work.seed)
    maker = FeatureMaker(design, panel, n_more=0)
    per_series = max(work.max_rows // len(panel), 8)
    parts: list[tuple[Array, Array, Array]] = []
    for i, y in enumerate(panel.y):
        if i % 64 == 0:
            work.check_time()
        t, k = _pairs(len(y), work.horizon, panel.spec.season, per_series, rng)
        seen = panel.observed[i][t + k - 1]
        t, k = t[seen], k[seen]
        if len(t) == 0:
            continue
        rows = maker.rows(i, t, k, known_of(panel, i, None))
        target = (y[t + k - 1] - rows.base) / rows.scale
        parts.append((rows.X, target, np.ones(len(t))))
    if not parts:
        return np.empty((0, len(design.names(panel)))), np.empty(0), np.empty(0)
    X, target, weight = (np.concatenate(p) for p in zip(*parts, strict=True))
    return X, np.clip(target, -20.0, 20.0), weight


def _pairs(
    T: int, horizon: int, m: int, n_wanted: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Return origins and steps whose targets were seen: all of them, or a sample."""
    first = min(max(m + 1, 4), max(T // 2, 1))
    origins = np.arange(first, T)
    if len(origins) == 0:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    if len(origins) * horizon <= n_wanted:
        t, k = (a.ravel() for a in np.meshgrid(origins, np.arange(1, horizon + 1), indexing="ij"))
    else:
        t = rng.choice(origins, n_wanted)
        k = rng.integers(1, horizon + 1, n_wanted)
    is_seen = t + k <= T
    return t[is_seen], k[is_seen]


@dataclass(frozen=True, kw_only=True)
class GlobalFitted:
    """A fitted global model.

    Attributes:
        design: How features are made.
        regressor: What was learned.
        horizon: Steps that were learned; longer forecasts go on from their own values.
        may_go_on: The clock of the search; forgotten when the model is stored.
    """

    design: Design
    regressor: Regressor
    horizon: int
    may_go_on: Callable[[], bool] = always

    def without_clock(self) -> "GlobalFitted":
        """Return the model for use after the search."""
        return replace(self, may_go_on=always)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"may_go_on": always}

    def forecast(self, panel: Panel, known: Sequence[Array], horizon: int) -> Array:
        """Return forecasts, shape (N, horizon)."""
        panel = panel.last(_MAX_HISTORY)
        done = 0
        blocks = []
        while done < horizon:
            size = min(self.horizon, horizon - done)
            ahead = [k[done : done + size] for k in known]
            block = self._block(panel, ahead, size)
            blocks.append(block)
            done += size
            if done < horizon:
                panel = panel.extended(block, ahead)
        return np.hstack(blocks)

    def _block(self, panel: Panel, known: Sequence[Array], size: int) -> Array:
        maker = FeatureMaker(self.design, panel, n_more=size)
        k = np.arange(1, size + 1)
        rows = []
        for i, y in enumerate(panel.y):
            if i % 64 == 0 and not self.may_go_on():
                raise OutOfTime
            rows.append(maker.rows(i, np.full(size, len(y)), k, known_of(panel, i, known)))
        raw = self.regressor.predict(np.concatenate([r.X for r in rows])).reshape(-1, size)
        base = np.array([r.base for r in rows])
        scale = np.array([r.scale for r in rows])
        return with_fallback(base + scale * raw, panel)

    def importance(self, panel: Panel) -> dict[str, float]:
        """Return what each feature adds, as shares that sum to 1; {} if it cannot be said."""
        values: Any = getattr(self.regressor, "importance", None)
        if values is None:
            return {}
        total = float(np.sum(values)) or 1.0
        names = self.design.names(panel)
        return {n: float(v) / total for n, v in zip(names, values, strict=True)}
