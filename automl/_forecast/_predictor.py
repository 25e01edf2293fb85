"""The fitted predictor: picklable, and all that forecasting needs."""

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from automl._errors import DataError
from automl._forecast._future import Request, read_future, whole_horizon
from automl._forecast._intervals import Intervals
from automl._forecast._measures import FORECAST_METRICS, Truth
from automl._forecast._models._base import Fitted
from automl._forecast._options import check_levels
from automl._forecast._panel import Array, Panel
from automl._forecast._rolling import roll
from automl._guardrails import GuardrailReport
from automl._predictor import LeaderboardRow


@dataclass(frozen=True, kw_only=True)
class ForecastMember:
    """A model in the blend.

    Attributes:
        learner: Its name.
        trial: Number of its trial.
        weight: Share of the forecast; all members' weights sum to 1.
        fitted: The model.
        forecast: Its forecasts after training, shape (N, h); None where covariates are needed.
    """

    learner: str
    trial: int
    weight: float
    fitted: Fitted
    forecast: Array | None


class ForecastPredictor:
    """What `forecast` returns.

    Attributes:
        task: Always `forecasting`.
        metric: Name of the measure that was optimised.
        target: Name of the target column.
        horizon: Steps that were planned for; more can be asked for.
        freq: Step between stamps.
        season: Main season in steps, 1 for none.
        score: Measure of the blend on the backtests that chose its weights; comparable with the
            leaderboard, and as flattering.
        metrics: Every measure on the backtests, each window blended with the weights that the
            other windows chose.
        test_scores: Every measure on `test_frame`, forecast from rolling origins; empty without
            one.
        report: What was found in the table and what was done about it.
        fit_seconds: What the fit took.
        members: The models in the blend.
        backtests: Those forecasts, with the truth.
        run_id: The MLflow run; None when logging was off.
        model_uri: The logged model; None when logging was off.
    """

    task = "forecasting"

    def __init__(
        self,
        *,
        panel: Panel,
        horizon: int,
        metric: str,
        levels: Sequence[float],
        members: Sequence[ForecastMember],
        intervals: Intervals,
        report: GuardrailReport,
    ) -> None:
        spec = panel.spec
        self.metric = metric
        self.target, self.freq, self.season = spec.target, spec.freq, spec.season
        self.horizon = horizon
        self.members = tuple(members)
        self.report = report
        self.score = float("nan")
        self.metrics: dict[str, float] = {}
        self.test_scores: dict[str, float] = {}
        self.fit_seconds = 0.0
        self.backtests = pd.DataFrame()
        self.run_id: str | None = None
        self.model_uri: str | None = None
        self.leaderboard_rows: tuple[LeaderboardRow, ...] = ()
        self._panel, self._levels, self._intervals = panel, tuple(levels), intervals

    # -------------------------------------------------------------- what users call

    def predict(
        self, future: pd.DataFrame | None = None, levels: Sequence[float] | None = None
    ) -> pd.DataFrame:
        """Forecast.

        Args:
            future: Rows to forecast, with the columns that name the series, the time column and
                the covariates known in advance. Rows whose target is given count as seen and
                extend the history. None forecasts the whole horizon of all series.
            levels: Percentages of the intervals; None takes those that were asked for in training.

        Returns:
            A row for each step: the id columns, the time column, `yhat`, and a column for each
            quantile, such as `q0.1` and `q0.9` for the level 80. With `future` the rows are in
            its order.

        Raises:
            DataError: `future` lacks a column or a step, names an unknown series, or lies in the
                past.
            OptionError: A level is no percentage.
        """
        wanted = self._levels if levels is None else check_levels(levels)
        request = (
            whole_horizon(self._panel, self.horizon)
            if future is None
            else read_future(future, self._panel)
        )
        return self.answer(request, wanted)

    def future_frame(self, horizon: int | None = None) -> pd.DataFrame:
        """Return the rows of the next steps, covariates known in advance to be filled in."""
        spec, n = self._panel.spec, horizon or self.horizon
        frame = self._rows(self._panel, n)
        for name in spec.known:
            frame[name] = np.nan
        return frame

    def leaderboard(self) -> pd.DataFrame:
        """Return one row for each model that was tried, best first."""
        columns = list(LeaderboardRow.__dataclass_fields__)
        rows = [[getattr(row, c) for c in columns] for row in self.leaderboard_rows]
        return pd.DataFrame(rows, columns=columns)

    def importance(self) -> pd.DataFrame:
        """Return what each feature adds to the global models of the blend, as shares.

        Models of single series have no features: an empty table if the blend has only those.
        """
        total: dict[str, float] = {}
        for member in self.members:
            shares = getattr(member.fitted, "importance", None)
            for name, share in (shares(self._panel) if shares else {}).items():
                total[name] = total.get(name, 0.0) + member.weight * share
        whole = sum(total.values()) or 1.0
        pairs = sorted(((n, v / whole) for n, v in total.items()), key=lambda pair: -pair[1])
        return pd.DataFrame(pairs, columns=["feature", "importance"])

    def backtest(self, frame: pd.DataFrame, *, step: int | None = None) -> pd.DataFrame:
        """Forecast rows that follow the training data from rolling origins, without fitting anew.

        Args:
            frame: Rows after training, target included.
            step: Steps between origins; None takes the horizon, so that every row is forecast once.

        Returns:
            The id columns, the time column, `cutoff` (last stamp that was seen), the target,
            `yhat` and quantiles.

        Raises:
            DataError: See `predict`.
        """
        return roll(self, frame, step=step or self.horizon)

    def score_frame(self, frame: pd.DataFrame) -> dict[str, float]:
        """Return every measure on rows after training, forecast from rolling origins."""
        rolled = self.backtest(frame)
        names = list(self._panel.spec.id_columns)
        groups = rolled.groupby(names, sort=False) if names else [((), rolled)]
        scales = self._panel.scales()
        keys = {key: i for i, key in enumerate(self._panel.keys)}
        n = max(len(part) for _, part in groups)
        y, f, scale, span = [], [], [], []
        for key, part in groups:
            i = keys[tuple(key)]
            y.append(_wide(part[self.target].to_numpy(dtype=np.float64), n))
            f.append(_wide(part["yhat"].to_numpy(), n))
            scale.append(scales[i])
            span.append(float(np.ptp(self._panel.y[i])) or 1.0)
        truth = np.array(y)
        return all_scores(
            Truth(
                y=np.nan_to_num(truth),
                seen=np.isfinite(truth),
                scale=np.array(scale),
                span=np.array(span),
            ),
            np.nan_to_num(np.array(f)),
        )

    def save(self, path: str | Path) -> None:
        """Write the predictor to a file that `load` reads."""
        import cloudpickle

        Path(path).write_bytes(cloudpickle.dumps(self, protocol=5))

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a predictor that `save` wrote. Only load files that you trust.

        Raises:
            DataError: The file holds something else.
        """
        found = pickle.loads(Path(path).read_bytes())
        if not isinstance(found, cls):
            raise DataError(f"{path} holds a {type(found).__name__}, not a forecasting predictor.")
        return found

    # -------------------------------------------------------------- inside

    @property
    def panel(self) -> Panel:
        """The training data."""
        return self._panel

    @property
    def levels(self) -> tuple[float, ...]:
        """Percentages of the intervals."""
        return self._levels

    def answer(self, request: Request, levels: Sequence[float] | None = None) -> pd.DataFrame:
        """Return the rows that a request asks for."""
        wanted = self._levels if levels is None else levels
        return self._frame(request, self._blend(request), probabilities(wanted))

    def _blend(self, request: Request) -> Array:
        is_planned = not request.is_extended and request.horizon <= self.horizon
        total: Array = np.zeros((len(request.panel), request.horizon))
        for member in self.members:
            if is_planned and member.forecast is not None:
                part = member.forecast[request.series, : request.horizon]
            else:
                part = member.fitted.forecast(request.panel, request.known, request.horizon)
            total += member.weight * part
        return self.bounded(total)

    def bounded(self, yhat: Array) -> Array:
        """Keep forecasts of what is never negative at zero or above."""
        return np.maximum(yhat, 0.0) if self._panel.spec.is_non_negative else yhat

    def quantiles(self, panel: Panel, yhat: Array, levels: Sequence[float]) -> Array:
        """Return quantiles, shape (N, k, len(levels))."""
        return self.bounded(self._intervals.quantiles(yhat, panel.scales(), levels))

    def _rows(self, panel: Panel, n: int) -> pd.DataFrame:
        spec = panel.spec
        stamps = panel.stamps(n)
        at = (panel.ends[:, None] + np.arange(n)).ravel()
        frame = pd.DataFrame(
            {c: np.repeat([key[j] for key in panel.keys], n) for j, c in enumerate(spec.id_columns)}
        )
        frame[spec.time_column] = stamps[at]
        return frame

    def _frame(self, request: Request, yhat: Array, levels: Sequence[float]) -> pd.DataFrame:
        frame = self._rows(request.panel, request.horizon)
        frame["yhat"] = yhat.ravel()
        values = self.quantiles(request.panel, yhat, levels)
        for j, p in enumerate(levels):
            frame[f"q{p:g}"] = values[..., j].ravel()
        if request.row_series is None or request.row_steps is None:
            return frame
        rows = request.row_series * request.horizon + request.row_steps - 1
        return frame.iloc[rows].reset_index(drop=True)


def probabilities(levels: Sequence[float]) -> list[float]:
    """Return the quantiles that bound the levels, ascending.

    >>> probabilities((80, 95))
    [0.025, 0.1, 0.9, 0.975]
    """
    tails = {round(0.5 - level / 200, 6) for level in levels}
    return sorted(tails | {round(1.0 - tail, 6) for tail in tails})


def all_scores(truth: Truth, forecast: Array) -> dict[str, float]:
    """Return every measure that is finite."""
    scores = {name: m.score(truth, forecast) for name, m in FORECAST_METRICS.items()}
    return {name: score for name, score in scores.items() if np.isfinite(score)}


def _wide(values: Array, n: int) -> Array:
    out = np.full(n, np.nan)
    out[: len(values)] = values
    return out
