"""Rolling origins over rows that came after training."""

from typing import Protocol

import numpy as np
import pandas as pd

from automl._errors import DataError
from automl._forecast._future import Request, read_future
from automl._forecast._panel import Panel


class Answers(Protocol):
    """What rolling needs of a predictor."""

    horizon: int

    @property
    def panel(self) -> Panel:
        """The training data."""

    def answer(self, request: Request) -> pd.DataFrame:
        """Return the rows that a request asks for."""


def roll(predictor: Answers, frame: pd.DataFrame, *, step: int) -> pd.DataFrame:
    """Forecast `step` steps at a time, revealing what came before each origin.

    Args:
        predictor: The fitted predictor.
        frame: Rows after training, target included.
        step: Steps between origins, at most the horizon.

    Raises:
        DataError: The target is missing, or see `read_future`.
    """
    spec = predictor.panel.spec
    if spec.target not in frame:
        raise DataError(f"backtest needs the target {spec.target!r} in its rows.")
    step = min(step, predictor.horizon)
    keys = [*spec.id_columns, spec.time_column]
    rows = frame.reset_index(drop=True)
    blind = rows.assign(**{spec.target: np.nan})
    everything = read_future(blind, predictor.panel, holds_covariates=True)
    number, ahead = everything.row_series, everything.row_steps
    assert number is not None  # noqa: S101
    assert ahead is not None  # noqa: S101
    # The first window begins at each series' first row, the next ones `step` later.
    first = np.full(int(number.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, number, ahead)
    window = (ahead - first[number]) // step
    parts = []
    for w in range(int(window.max()) + 1):
        is_now, is_before = window == w, window < w
        if not is_now.any():
            continue
        in_reach = np.isin(number, number[is_now])
        table = pd.concat([rows[is_before & in_reach], blind[is_now]], ignore_index=True)
        answer = predictor.answer(read_future(table, predictor.panel, holds_covariates=True))
        truth = rows.loc[is_now, [*keys, spec.target]].reset_index(drop=True)
        answer.insert(len(keys), "cutoff", _cutoffs(answer, predictor))
        answer.insert(len(keys) + 1, spec.target, truth[spec.target].to_numpy())
        parts.append(answer)
    out = pd.concat(parts, ignore_index=True)
    return out.sort_values(keys, kind="stable", ignore_index=True)


def _cutoffs(answer: pd.DataFrame, predictor: Answers) -> pd.Series:
    """Return the stamp before each series' first forecast in this window."""
    spec = predictor.panel.spec
    first = (
        answer.groupby(list(spec.id_columns), sort=False)[spec.time_column].transform("min")
        if spec.id_columns
        else pd.Series([answer[spec.time_column].min()] * len(answer))
    )
    offset = pd.tseries.frequencies.to_offset(spec.freq)
    return first.map({stamp: stamp - offset for stamp in first.unique()})
