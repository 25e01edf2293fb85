import time

import cloudpickle
import numpy as np
import pandas as pd
import pytest

import automl
from automl import DataError, OptionError

GRACE_SECONDS = 2.0
QUICK = {"time_budget_s": 30, "blocked": ["arima", "lightgbm", "lightgbm_shallow", "harmonic"]}


@pytest.fixture(scope="module")
def frame(make_many):
    return make_many(4, 72)


@pytest.fixture(scope="module")
def predictor(frame):
    return automl.fit_forecaster(frame, horizon=6, **QUICK)


def test_the_forecast_has_a_row_for_each_step(predictor, frame):
    answer = predictor.predict()
    assert list(answer) == ["unique_id", "ds", "yhat", "q0.025", "q0.1", "q0.9", "q0.975"]
    assert len(answer) == 24
    for name, rows in answer.groupby("unique_id"):
        last = frame.loc[frame.unique_id == name, "ds"].max()
        expected = pd.date_range(last, periods=7, freq="MS")[1:]
        assert (rows["ds"] == expected).all()
        history = frame.loc[frame.unique_id == name, "y"]
        assert rows["yhat"].between(history.min() - 20, history.max() + 20).all()
    quantiles = answer[["q0.025", "q0.1", "q0.9", "q0.975"]].to_numpy()
    assert (np.diff(quantiles, axis=1) >= 0).all()


def test_the_blend_beats_the_seasonal_naive_rule(predictor):
    board = predictor.leaderboard()
    assert board["rank"].tolist() == list(range(1, len(board) + 1))
    assert board["score"].dropna().is_monotonic_increasing
    naive = board.loc[board.learner == "seasonal_naive", "score"].item()
    assert predictor.score < 0.8 * naive
    assert board["weight"].sum() == pytest.approx(1.0, abs=1e-5)
    assert predictor.score <= board["score"].min() + 1e-9
    assert predictor.metrics["mase"] < 0.8 * naive


def test_backtests_hold_truth_and_forecast(predictor, frame):
    found = predictor.backtests
    assert set(found["window"]) == set(range(8))
    assert (found["ds"] > found["cutoff"]).all()
    merged = found.merge(frame, on=["unique_id", "ds"], suffixes=("", "_table"))
    np.testing.assert_array_equal(merged["y"], merged["y_table"])
    errors = (found["y"] - found["yhat"]).abs()
    assert errors.mean() == pytest.approx(predictor.metrics["mae"])


def test_the_same_seed_gives_the_same_everything(predictor, frame):
    again = automl.fit_forecaster(frame.sample(frac=1, random_state=3), horizon=6, **QUICK)
    columns = ["learner", "score", "weight"]
    pd.testing.assert_frame_equal(again.leaderboard()[columns], predictor.leaderboard()[columns])
    pd.testing.assert_frame_equal(again.predict(), predictor.predict())


def test_levels_can_be_chosen(predictor):
    answer = predictor.predict(levels=[50])
    assert list(answer)[3:] == ["q0.25", "q0.75"]
    with pytest.raises(OptionError, match="between 0 and 100"):
        predictor.predict(levels=[0])


def test_rows_can_be_asked_for(predictor):
    whole = predictor.predict()
    rows = whole[["ds", "unique_id"]].iloc[[23, 2, 7]].reset_index(drop=True)
    answer = predictor.predict(rows)
    pd.testing.assert_frame_equal(answer, whole.iloc[[23, 2, 7]].reset_index(drop=True))


def test_more_than_the_horizon_can_be_asked_for(predictor):
    frame = predictor.future_frame(15)
    answer = predictor.predict(frame[frame.unique_id == "s1"])
    assert len(answer) == 15
    whole = predictor.predict()
    expected = whole.loc[whole.unique_id == "s1", "yhat"].to_numpy()
    np.testing.assert_allclose(answer["yhat"][:6], expected, rtol=0.02)
    width = (answer["q0.9"] - answer["q0.1"]).to_numpy()
    assert width[-1] > width[5]


def test_newer_values_move_the_forecast(predictor):
    future = predictor.future_frame(4)
    future = future[future.unique_id == "s2"].assign(y=[900.0, 950.0, np.nan, np.nan])
    answer = predictor.predict(future)
    assert len(answer) == 2
    assert (answer["ds"].to_numpy() == future["ds"].to_numpy()[2:]).all()
    before = predictor.predict()
    assert answer["yhat"].min() > before.loc[before.unique_id == "s2", "yhat"].max() + 50


FUTURE = [
    (lambda f: f.drop(columns="ds"), "future has no column 'ds'"),
    (lambda f: f.assign(unique_id="s9"), "1 series of future were not in training.*'s9'"),
    (lambda f: f.assign(ds=f.ds + pd.Timedelta("3h")), "do not lie on the grid of freq='MS'"),
    (lambda f: f.assign(ds=pd.Timestamp("2015-02-01")), "24 rows of future lie in the history"),
    (lambda f: f.head(0), "future has no rows"),
    (lambda f: f.to_dict(), "must be a pandas DataFrame.*not dict"),
    (lambda f: f.assign(ds=f.ds.dt.tz_localize("UTC")), "time zone UTC, those of training None"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), FUTURE)
def test_a_future_that_cannot_be_forecast_is_refused(predictor, change, message):
    with pytest.raises(DataError, match=message):
        predictor.predict(change(predictor.future_frame()))


def test_saved_and_loaded_it_says_the_same(predictor, tmp_path):
    predictor.save(tmp_path / "p.pkl")
    loaded = automl.ForecastPredictor.load(tmp_path / "p.pkl")
    pd.testing.assert_frame_equal(loaded.predict(), predictor.predict())
    (tmp_path / "other.pkl").write_bytes(cloudpickle.dumps({"a": 1}))
    with pytest.raises(DataError, match="holds a dict"):
        automl.ForecastPredictor.load(tmp_path / "other.pkl")


def test_rolling_origins_reveal_only_what_came_before(make_many):
    whole = make_many(2, 84)
    cut = whole.ds < whole.ds.sort_values().unique()[72]
    options = {"allowed": ["naive"], "time_budget_s": 10}
    predictor = automl.fit_forecaster(whole[cut], horizon=4, test_frame=whole[~cut], **options)
    rolled = predictor.backtest(whole[~cut])
    assert len(rolled) == 24
    for (name, cutoff), rows in rolled.groupby(["unique_id", "cutoff"]):
        last = whole.loc[(whole.unique_id == name) & (whole.ds == cutoff), "y"].item()
        assert rows["yhat"].tolist() == [last] * len(rows)
    assert predictor.test_scores["mae"] == pytest.approx((rolled.y - rolled.yhat).abs().mean())
    short_steps = predictor.backtest(whole[~cut], step=1)
    assert short_steps["cutoff"].nunique() == 12


def test_covariates_known_in_advance_are_needed_and_used():
    rng = np.random.default_rng(0)
    n = 200
    frame = pd.DataFrame(
        {"ds": pd.date_range("2023-01-01", periods=n), "promo": rng.integers(0, 2, n)}
    )
    frame["kind"] = np.where(frame.promo == 1, "sale", "none")
    frame["y"] = 50 + 20 * frame["promo"] + rng.normal(0, 1, n)
    train, test = frame.head(190), frame.tail(10)
    options = {"known": ["promo", "kind"], "allowed": ["linear", "seasonal_naive"]}
    predictor = automl.fit_forecaster(train, horizon=10, time_budget_s=20, **options)
    with pytest.raises(DataError, match=r"predict needs future.*ds, promo, kind"):
        predictor.predict()
    with pytest.raises(DataError, match=r"'promo'\. It is known in advance"):
        predictor.predict(test[["ds", "kind"]])
    with pytest.raises(DataError, match="no row for 3 steps before the last one"):
        predictor.predict(test[["ds", "promo", "kind"]].tail(7))
    answer = predictor.predict(test[["ds", "promo", "kind"]])
    np.testing.assert_allclose(answer["yhat"], 50 + 20 * test["promo"], atol=5)
    assert {"promo", "kind"} <= set(predictor.importance()["feature"].head(6))


STRANGE = {
    "one value": [5.0],
    "two values": [5.0, 6.0],
    "constant": [7.0] * 40,
    "zeros": [0.0] * 40,
    "huge": list(1e12 * (1 + np.arange(40))),
    "tiny": list(1e-9 * np.sin(np.arange(40))),
    "negative": list(-np.arange(40.0)),
    "a jump": [1.0] * 30 + [1000.0] * 10,
    "intermittent": [0, 0, 0, 5, 0, 0, 3, 0] * 6,
    "almost empty": [np.nan] * 20 + [3.0] + [np.nan] * 15 + [4.0, 5.0, 6.0, 5.0],
}


@pytest.mark.parametrize("name", STRANGE)
def test_strange_series_get_a_finite_forecast(name):
    y = np.array(STRANGE[name], dtype=float)
    frame = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=len(y), freq="D"), "y": y})
    predictor = automl.fit_forecaster(frame, horizon=5, freq="D", time_budget_s=10)
    values = predictor.predict().drop(columns="ds").to_numpy()
    assert np.isfinite(values).all()
    if name == "constant":
        np.testing.assert_allclose(values, 7.0)
    if name in ("zeros", "intermittent"):
        assert (values >= 0).all()
    if len(y) < 5:
        assert "validation" in {f.check for f in predictor.report if f.state == "alerted"}


def test_intermittent_series_meet_their_models():
    rng = np.random.default_rng(0)
    y = rng.poisson(0.3, 120) * rng.integers(1, 9, 120)
    frame = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=120), "y": y})
    predictor = automl.fit_forecaster(frame, horizon=7, time_budget_s=10, blocked=["lightgbm"])
    assert {"croston", "tsb", "adida"} <= set(predictor.leaderboard()["learner"])


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "UTC"])
def test_hours_go_on_across_daylight_saving(zone):
    stamps = pd.date_range("2024-03-01", "2024-03-30 12:00", freq="h", tz=zone)
    y = 10.0 + stamps.hour.to_numpy()
    frame = pd.DataFrame({"ds": stamps, "y": y})
    predictor = automl.fit_forecaster(
        frame, horizon=30, time_budget_s=10, allowed=["seasonal_naive"]
    )
    answer = predictor.predict()
    assert predictor.freq == "h"
    assert predictor.season == 24
    assert str(answer["ds"].dt.tz) == zone
    steps = answer["ds"].diff().dropna().unique()
    assert steps.tolist() == [pd.Timedelta("1h")]
    assert answer["ds"].iloc[0] == stamps[-1] + pd.Timedelta("1h")


@pytest.mark.parametrize(("freq", "n"), [("ME", 40), ("QE-DEC", 30), ("YE-DEC", 20), ("B", 60)])
def test_ends_of_periods_are_kept(make_series, freq, n):
    frame = make_series(n, freq=freq)
    predictor = automl.fit_forecaster(frame, horizon=3, time_budget_s=10, allowed=["theta"])
    expected = pd.date_range(frame.ds.iloc[-1], periods=4, freq=freq)[1:]
    assert (predictor.predict()["ds"] == expected).all()


def test_series_may_end_at_different_times(make_many):
    frame = make_many(3, 60)
    frame = frame[~((frame.unique_id == "s1") & (frame.ds >= "2019-06-01"))]
    answer = automl.fit_forecaster(frame, horizon=2, **QUICK).predict()
    first = answer.groupby("unique_id")["ds"].min()
    assert first["s0"] == pd.Timestamp("2020-01-01")
    assert first["s1"] == pd.Timestamp("2019-06-01")


def test_holidays_are_seen():
    stamps = pd.date_range("2021-01-01", periods=900)
    import holidays

    us = holidays.country_holidays("US", years=range(2021, 2025))
    is_off = np.array([day in us for day in stamps.date])
    frame = pd.DataFrame({"ds": stamps, "y": 100.0 - 60 * is_off})
    cut = int(np.flatnonzero(is_off)[-1]) - 2  # the next holiday is three steps ahead
    options = {"horizon": 5, "time_budget_s": 20, "allowed": ["linear"]}
    seen = automl.fit_forecaster(frame.head(cut), holidays="US", **options).predict()["yhat"]
    blind = automl.fit_forecaster(frame.head(cut), **options).predict()["yhat"]
    assert seen[2] < 65
    assert blind[2] > 85


def test_metrics_can_be_chosen(make_series):
    frame = make_series(60)
    for name in ("rmse", "r2_score", "NormalizedRootMeanSquaredError"):
        predictor = automl.fit_forecaster(frame, horizon=4, metric=name, **QUICK)
        scores = predictor.leaderboard()["score"].dropna()
        assert (scores.diff().dropna() * (-1 if predictor.metric == "r2" else 1) >= 0).all()
    with pytest.raises(OptionError, match="No metric named 'msae'"):
        automl.fit_forecaster(frame, horizon=4, metric="msae")


def test_a_single_model_and_bounds_of_the_search(make_series):
    frame = make_series(60)
    seen = []
    one = automl.fit_forecaster(
        frame, horizon=4, ensemble=False, on_trial=seen.append, max_trials=3, **QUICK
    )
    assert len(one.members) == 1
    assert one.members[0].weight == 1.0
    assert one.members[0].learner == one.leaderboard()["learner"][0]
    assert [r.number for r in seen] == [0, 1, 2]
    assert all(r.ended_at >= r.started_at for r in seen)
    stopped = automl.fit_forecaster(frame, horizon=4, exit_score=99.0, **QUICK)
    assert len(stopped.leaderboard()) == 1


@pytest.mark.parametrize("seconds", [0.05, 1.0, 4.0])
def test_the_budget_is_kept(make_many, seconds):
    frame = make_many(60, 400, freq="D", season=7)
    started = time.monotonic()
    predictor = automl.fit_forecaster(frame, horizon=14, time_budget_s=seconds)
    assert time.monotonic() - started < seconds + GRACE_SECONDS
    assert np.isfinite(predictor.predict()["yhat"]).all()


def test_a_predictor_outlives_the_clock_of_its_search(make_series):
    predictor = automl.fit_forecaster(make_series(60), horizon=3, time_budget_s=1.5)
    time.sleep(max(0.0, 1.6 - predictor.fit_seconds))
    future = predictor.future_frame().assign(y=[130.0, np.nan, np.nan])
    assert len(predictor.predict(future)) == 2


def test_a_model_that_fails_is_left_out(make_series, monkeypatch):
    from automl._forecast._models import MODELS

    class Broken(type(MODELS["theta"])):
        def forecast_rows(self, y, seasons, horizon):
            raise ZeroDivisionError("no luck")

    monkeypatch.setitem(MODELS, "theta", Broken())
    predictor = automl.fit_forecaster(make_series(60), horizon=4, **QUICK)
    row = predictor.leaderboard().set_index("learner").loc["theta"]
    assert row["state"] == "failed"
    assert not row["in_ensemble"]
    (note,) = predictor.report.of("failed_models")
    assert "theta" in note.message


def test_centuries_fit(make_series):
    frame = make_series(400, freq="YS", start="1500-01-01", season=11)
    predictor = automl.fit_forecaster(frame, horizon=5, time_budget_s=10, allowed=["naive", "ets"])
    assert predictor.predict()["ds"].dt.year.tolist() == [1900, 1901, 1902, 1903, 1904]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_any_resolution_of_stamps_can_be_joined(make_series, unit):
    frame = make_series(40)
    frame["ds"] = frame["ds"].dt.as_unit(unit)
    predictor = automl.fit_forecaster(frame.head(36), horizon=4, time_budget_s=5, allowed=["naive"])
    assert len(frame.merge(predictor.predict(), on="ds")) == 4
    assert len(predictor.predict(frame[["ds"]].tail(4))) == 4


def test_a_forecast_in_one_call_is_that_of_the_predictor(frame):
    asked = {"horizon": 4, "season": 12, "allowed": ["seasonal_naive", "drift"]}
    answer = automl.forecast(frame, **asked, time_budget_s=30)
    expected = automl.fit_forecaster(frame, **asked, time_budget_s=30).predict()
    pd.testing.assert_frame_equal(answer, expected)
    assert list(answer.columns)[:3] == ["unique_id", "ds", "yhat"]
