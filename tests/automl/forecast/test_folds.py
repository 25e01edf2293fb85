import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl import OptionError
from automl._forecast._folds import make_folds


@pytest.mark.property
@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 80), min_size=1, max_size=5),
    horizon=st.integers(1, 12),
    step=st.none() | st.integers(1, 6),
)
def test_no_window_sees_the_future(make_series, to_panel, lengths, horizon, step):
    import pandas as pd

    frame = pd.concat(
        [
            make_series(n, freq="D", season=7).assign(unique_id=i, cost=np.arange(n))
            for i, n in enumerate(lengths)
        ]
    )
    panel = to_panel(frame, horizon=horizon, freq="D", known=["cost"])
    folds = make_folds(panel, horizon, n_windows=None, step=step)
    if max(lengths) >= horizon + 4:
        assert folds
    for fold in folds:
        assert len(fold.series) > 0
        for row, i in enumerate(fold.series):
            n = len(fold.history.y[row])
            whole = panel.y[i]
            assert n >= 1
            assert n + fold.offset == len(whole)
            np.testing.assert_array_equal(fold.history.y[row], whole[:n])
            np.testing.assert_array_equal(fold.truth.y[row], whole[n : n + horizon])
            np.testing.assert_array_equal(fold.known[row][:, 0], np.arange(n, n + horizon))
            assert len(fold.history.known[row]) == len(fold.history.past[row]) == n


@pytest.mark.parametrize(
    "name", ["ets", "theta", "mstl", "arima", "harmonic", "linear", "lightgbm"]
)
def test_no_model_changes_its_mind_when_the_future_changes(panel, name):
    """Whatever comes after the origin, the forecast is the same."""
    from dataclasses import replace

    from automl._forecast._models import MODELS
    from automl._forecast._models._base import Work

    other = replace(panel, y=tuple(np.append(v[:50], v[50:] * 3 + 7) for v in panel.y))
    cut = np.full(len(panel), 50)
    nothing = [np.empty((6, 0))] * len(panel)
    answers = []
    for one in (panel, other):
        history = one.until(cut)
        fitted = MODELS[name].fit(history, Work(horizon=6))
        answers.append(fitted.forecast(history, nothing, 6))
    np.testing.assert_array_equal(*answers)
    assert np.isfinite(answers[0]).all()


def test_windows_that_do_not_fit_are_refused(panel):
    with pytest.raises(
        OptionError, match="20 windows 6 steps apart do not fit into 60 steps: at most 9 do"
    ):
        make_folds(panel, 6, n_windows=20, step=6)
    with pytest.raises(OptionError, match=r"n_windows=2 does not fit.*the longest series has 60"):
        make_folds(panel, 58, n_windows=2, step=None)
    assert make_folds(panel, 58, n_windows=None, step=None) == ()


def test_named_windows_are_kept(panel):
    folds = make_folds(panel, 6, n_windows=4, step=3)
    assert [fold.offset for fold in folds] == [6, 9, 12, 15]
