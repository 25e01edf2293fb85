import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn import metrics as oracle

from automl import FORECAST_METRICS, OptionError
from automl._forecast._measures import Truth, find_forecast_metric


@pytest.fixture
def truth():
    rng = np.random.default_rng(0)
    y = rng.normal(10, 3, (4, 6))
    seen = rng.random((4, 6)) > 0.2
    return Truth(y=y, seen=seen, scale=np.array([1.0, 2, 3, 4]), span=np.array([5.0, 6, 7, 8]))


@pytest.fixture
def forecast():
    return np.random.default_rng(1).normal(10, 3, (4, 6))


def test_mase_is_its_definition(to_panel, make_many):
    panel = to_panel(make_many())
    for y, scale in zip(panel.y, panel.scales(), strict=True):
        assert scale == pytest.approx(np.mean([abs(y[t] - y[t - 12]) for t in range(12, len(y))]))


def test_mase_is_the_mean_over_series(truth, forecast):
    each = [
        np.mean(np.abs(truth.y - forecast)[i][truth.seen[i]]) / truth.scale[i] for i in range(4)
    ]
    assert FORECAST_METRICS["mase"].score(truth, forecast) == pytest.approx(np.mean(each))


def test_pooled_measures_agree_with_scikit_learn(truth, forecast):
    y, f = truth.y[truth.seen], forecast[truth.seen]
    expected = {
        "mae": oracle.mean_absolute_error(y, f),
        "rmse": oracle.root_mean_squared_error(y, f),
        "mape": 100 * oracle.mean_absolute_percentage_error(y, f),
        "r2": oracle.r2_score(y, f),
        "wape": np.abs(y - f).sum() / np.abs(y).sum(),
        "spearman": spearmanr(y, f).statistic,
        "smape": 100 * np.mean(2 * np.abs(y - f) / (np.abs(y) + np.abs(f))),
    }
    for name, value in expected.items():
        assert FORECAST_METRICS[name].score(truth, forecast) == pytest.approx(value), name


def test_normalised_measures_average_the_series(truth, forecast):
    each = [
        oracle.root_mean_squared_error(truth.y[i][truth.seen[i]], forecast[i][truth.seen[i]])
        / truth.span[i]
        for i in range(4)
    ]
    score = FORECAST_METRICS["normalized_rmse"].score(truth, forecast)
    assert score == pytest.approx(np.mean(each))


def test_a_perfect_forecast_is_perfect(truth):
    for name, metric in FORECAST_METRICS.items():
        best = 1.0 if metric.is_higher_better else 0.0
        assert metric.score(truth, truth.y) == pytest.approx(best), name


def test_azures_names_work():
    assert find_forecast_metric("normalized_root_mean_squared_error").name == "normalized_rmse"
    assert find_forecast_metric("R2Score").name == "r2"
    with pytest.raises(OptionError, match=r"No metric named 'mse'.*mase"):
        find_forecast_metric("mse")


def test_constant_series_have_a_scale(to_panel):
    import pandas as pd

    frame = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=30), "y": 7.0})
    assert to_panel(frame).scales().tolist() == [7.0]
    assert to_panel(frame.assign(y=0.0)).scales().tolist() == [1.0]
