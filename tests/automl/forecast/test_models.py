"""Models against closed forms and processes whose forecast is known."""

import numpy as np
import pytest
from scipy.signal import lfilter

from automl._forecast._models import MODELS
from automl._forecast._models._arma import Order, choose_arma, fit_arma
from automl._forecast._models._base import Work
from automl._forecast._models._seasonal import loess, seasonal_strength, stl_season
from automl._forecast._models._smoothing import Form, Settings, smooth, starting_states
from automl._forecast._models.arima import arima_forecast, kpss
from automl._forecast._models.ets import ETS
from automl._forecast._models.intermittent import smoothed
from automl._forecast._models.theta import optimised_theta
from automl._forecast._panel import right_aligned


def forecast(name, y, *, seasons=(), horizon=4):
    rows = right_aligned([np.asarray(v, dtype=float) for v in y])
    return MODELS[name].forecast_rows(rows, seasons, horizon)


RAGGED = [[5.0, 1, 2, 3, 4, 6, 7, 8], [1.0, 3, 2]]


def test_simple_rules_are_their_closed_forms():
    assert forecast("naive", RAGGED).tolist() == [[8] * 4, [2] * 4]
    assert forecast("seasonal_naive", RAGGED, seasons=(3,))[0].tolist() == [6, 7, 8, 6]
    assert forecast("seasonal_naive", RAGGED, seasons=(3,))[1].tolist() == [1, 3, 2, 1]
    assert forecast("seasonal_naive", RAGGED, seasons=(5,))[1].tolist() == [2] * 4
    np.testing.assert_allclose(forecast("drift", RAGGED)[0], 8 + 3 / 7 * np.arange(1, 5))
    np.testing.assert_allclose(forecast("drift", RAGGED)[1], 2 + 0.5 * np.arange(1, 5))
    assert forecast("window_mean", RAGGED)[1].tolist() == [2] * 4
    np.testing.assert_allclose(
        forecast("seasonal_mean", [RAGGED[0]], seasons=(4,))[0], [4.5, 3.5, 4.5, 5.5]
    )


def test_one_pass_of_smoothing_is_the_textbooks_recursion():
    rng = np.random.default_rng(3)
    y = rng.normal(50, 5, (2, 40))
    y[1, :7] = np.nan
    a, b, g, p, m = 0.4, 0.1, 0.2, 0.9, 4
    form = Form(trend="damped", season="additive")
    start = starting_states(y, form, m)
    one = np.ones((2, 1))
    settings = Settings(alpha=a * one, beta=b * one, gamma=g * one, phi=p * one)
    run = smooth(y, form, m, settings, start)
    for i, first in enumerate((0, 7)):
        level, slope = start.level[i, 0], start.slope[i, 0]
        season = start.seasonal[:, i, 0].copy()
        squares = 0.0
        for t in range(first, 40):
            error = y[i, t] - (level + p * slope + season[t % m])
            level, slope = level + p * slope + a * error, p * slope + b * error
            season[t % m] += g * error
            squares += error**2
        assert run.states.level[i, 0] == pytest.approx(level)
        assert run.states.slope[i, 0] == pytest.approx(slope)
        np.testing.assert_allclose(run.states.seasonal[:, i, 0], season)
        n = 40 - first
        assert run.loss[i, 0] == pytest.approx(n * np.log(squares / n))


def test_ets_finds_trend_and_season():
    t = np.arange(72)
    noise = np.random.default_rng(0).normal(0, 0.3, 78)
    truth = 20 + 0.7 * np.arange(78) + 6 * np.sin(2 * np.pi * np.arange(78) / 12)
    got = ETS().forecast_rows((truth + noise)[None, : len(t)], (12,), 6)[0]
    np.testing.assert_allclose(got, truth[72:], atol=1.2)


def test_ets_finds_a_season_that_grows():
    t = np.arange(102)
    truth = (50 + t) * (1 + 0.4 * np.sin(2 * np.pi * t / 12))
    got = ETS().forecast_rows(truth[None, :96], (12,), 6)[0]
    np.testing.assert_allclose(got, truth[96:], rtol=0.05)


def test_a_series_does_not_change_its_neighbours_forecast():
    rng = np.random.default_rng(1)
    series = [rng.normal(10, 1, n).cumsum() for n in (30, 45, 60)]
    series.append(np.arange(7.0) - 3)
    for name in ("ets", "theta", "mstl", "arima", "seasonal_naive", "seasonal_mean", "window_mean"):
        together = forecast(name, series, seasons=(4,))
        for i, one in enumerate(series):
            alone = forecast(name, [one], seasons=(4,))[0]
            np.testing.assert_allclose(together[i], alone, rtol=1e-6)


def test_theta_two_is_smoothing_with_half_the_slope_as_drift():
    """Hyndman & Billah (2003): for long series theta 2 is SES with a drift of half the slope."""
    rng = np.random.default_rng(5)
    y = 3.0 * np.arange(400) + rng.normal(0, 20, 400).cumsum() * 0.3
    got = optimised_theta(y[None], 6)[0]
    steps = np.diff(got)
    slope = np.polyfit(np.arange(400), y, 1)[0]
    shares = np.array([0, 0.2, 1 / 3, 0.5, 2 / 3, 0.8]) * slope
    assert np.ptp(steps) < 1e-6
    assert np.abs(shares - steps[0]).min() < 1e-6


def test_arma_finds_the_coefficients_of_its_process():
    rng = np.random.default_rng(2)
    e = rng.normal(0, 1, 4000)
    w = lfilter([1, 0.4], [1, -0.7], e) + 3.0  # w_t = 0.7 w_(t-1) + e_t + 0.4 e_(t-1)
    model = fit_arma(w, Order(1, 1), 1, has_mean=True, n_steps=40)
    assert model.ar[1] == pytest.approx(-0.7, abs=0.05)
    assert model.ma[1] == pytest.approx(0.4, abs=0.05)
    assert np.var(model.residuals[50:]) == pytest.approx(1.0, abs=0.08)
    ahead = model.forecast(w, 300)
    assert ahead[-1] == pytest.approx(w.mean(), abs=1e-3)
    first = model.mean - model.ar[1] * (w[-1] - model.mean) + model.ma[1] * model.residuals[-1]
    assert ahead[0] == pytest.approx(first)


def test_seasonal_arma_and_stepwise_choice():
    rng = np.random.default_rng(4)
    w = lfilter([1], np.convolve([1, -0.5], [1, 0, 0, 0, -0.6]), rng.normal(0, 1, 1500))
    chosen = choose_arma(w, 4, has_mean=False, max_models=24)
    plain = fit_arma(w, Order(0, 0), 4, has_mean=False)
    assert chosen.aicc < plain.aicc - 500
    assert np.var(chosen.residuals[50:]) == pytest.approx(1.0, abs=0.1)


def test_arima_goes_on_with_a_line_and_a_season():
    t = np.arange(80)
    y = 5 + 2.0 * t + np.tile([0, 10, -5, 3], 20)
    np.testing.assert_allclose(arima_forecast(y[:72].astype(float), 4, 8), y[72:], atol=0.5)


def test_kpss_tells_a_walk_from_noise():
    noise = np.random.default_rng(6).normal(0, 1, 500)
    assert kpss(noise) < 0.463 < kpss(noise.cumsum())


def test_loess_keeps_lines_and_smooths_noise():
    line = 3.0 + 0.5 * np.arange(50)
    for window in (5, 21, 80):
        np.testing.assert_allclose(loess(line, window), line, atol=1e-9)
    noise = np.random.default_rng(0).normal(0, 1, 200)
    assert np.var(loess(noise, 31)) < 0.2


def test_stl_separates_the_season():
    t = np.arange(120)
    season = np.tile(np.array([3.0, -1, -4, 0, 2, 0]), 20)
    found = stl_season(0.1 * t + season, 6)
    np.testing.assert_allclose(found[12:-12], season[12:-12], atol=0.3)
    assert seasonal_strength(0.1 * t + season, 6) > 0.95
    noise = np.random.default_rng(1).normal(0, 1, 120)
    assert seasonal_strength(noise, 6) < 0.6


def test_two_seasons_are_seen(make_series, to_panel):
    import pandas as pd

    t = np.arange(24 * 7 * 6)
    y = 100 + 10 * np.sin(2 * np.pi * t / 24) + 20 * ((t // 24) % 7 >= 5)
    frame = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=len(t), freq="h"), "y": y})
    panel = to_panel(frame.head(24 * 35), horizon=24 * 7)
    assert panel.spec.seasons == (24, 168)
    nothing = [np.empty((168, 0))]
    got = MODELS["mstl"].fit(panel, Work(horizon=168)).forecast(panel, nothing, 168)[0]
    assert np.abs(got - y[24 * 35 :]).mean() < 2.0


def test_intermittent_rules_are_their_closed_forms():
    y = [0, 0, 4, 0, 0, 4, 0, 0, 4]
    assert forecast("croston", [y])[0, 0] == pytest.approx(0.95 * 4 / 3)
    probability = smoothed(np.array([0, 0, 1, 0, 0, 1, 0, 0, 1.0]), 0.1)
    assert forecast("tsb", [y])[0, 0] == pytest.approx(4 * probability)
    assert forecast("adida", [y])[0, 0] == pytest.approx(4 / 3)
    assert forecast("croston", [[0, 0, 0, 0]])[0].tolist() == [0] * 4


def test_global_models_learn_what_a_known_covariate_does(to_panel):
    import pandas as pd

    rng = np.random.default_rng(0)
    promo = rng.integers(0, 2, 400).astype(float)
    y = 100 + 30 * promo + rng.normal(0, 1, 400)
    frame = pd.DataFrame({"ds": pd.date_range("2022-01-01", periods=400), "y": y, "promo": promo})
    panel = to_panel(frame.head(390), horizon=10, known=["promo"])
    for name in ("linear", "lightgbm", "lightgbm_shallow"):
        fitted = MODELS[name].fit(panel, Work(horizon=10))
        got = fitted.forecast(panel, [promo[390:, None]], 10)[0]
        np.testing.assert_allclose(got, 100 + 30 * promo[390:], atol=6)
        importance = fitted.importance(panel)
        assert sum(importance.values()) == pytest.approx(1.0)
        assert max(importance, key=importance.get) == "promo"


def test_a_longer_forecast_goes_on_from_its_own_values(panel):
    fitted = MODELS["linear"].fit(panel, Work(horizon=6))
    nothing = [np.empty((15, 0))] * len(panel)
    long = fitted.forecast(panel, nothing, 15)
    assert long.shape == (3, 15)
    np.testing.assert_allclose(long[:, :6], fitted.forecast(panel, nothing, 6))
    trend = np.array([v[-12:].mean() for v in panel.y])
    assert (np.abs(long.mean(axis=1) - trend) < 20).all()
