"""ETS: exponential smoothing with the form chosen by AICc, for many series at once."""

from functools import cache
from itertools import product

import numpy as np

from automl._forecast._models._base import LocalModel
from automl._forecast._models._smoothing import (
    Form,
    Settings,
    extend,
    smooth,
    starting_states,
)
from automl._forecast._panel import Array

MAX_SEASON = 24  # beyond it there are more starting values than a series can tell
_N_FIRST = 40
_N_NEXT = 16
_SPREADS = (0.16, 0.08, 0.04, 0.015)


class ETS(LocalModel):
    """Exponential smoothing, the forms averaged by their Akaike weights.

    Each form (no, additive or damped trend; no, additive or multiplicative season) is fitted by a
    random search that is refined around the best setting of each series; all series and settings
    go through the recursion together.
    """

    name = "ets"
    min_length = 4
    max_length = 400
    chunk_size = 400

    def forecast_rows(self, y: Array, seasons: tuple[int, ...], horizon: int) -> Array:
        """Fit all forms and average them."""
        m = seasons[0] if seasons and seasons[0] <= MAX_SEASON else 1
        is_positive = np.nanmin(y, axis=1) > 0
        results = [_fit_where(y, form, m, horizon, is_positive) for form in forms(m)]
        criteria = np.array([r[0] for r in results])  # (forms, n)
        weights = np.exp(-0.5 * (criteria - criteria.min(axis=0)))
        weights[~np.isfinite(weights)] = 0.0
        weights /= weights.sum(axis=0)
        forecasts = np.array([np.where(np.isfinite(r[1]), r[1], 0.0) for r in results])
        out: Array = np.einsum("fn,fnh->nh", weights, forecasts)
        return out


def _fit_where(
    y: Array, form: Form, m: int, horizon: int, is_positive: Array
) -> tuple[Array, Array]:
    """Fit a form to the series that it suits: seasons multiply positive values only."""
    if form.season != "multiplicative" or is_positive.all():
        return fit_form(y, form, m, horizon)
    criteria, forecasts = np.full(len(y), np.inf), np.zeros((len(y), horizon))
    if is_positive.any():
        found = fit_form(y[is_positive], form, m, horizon)
        criteria[is_positive], forecasts[is_positive] = found
    return criteria, forecasts


def forms(m: int) -> list[Form]:
    """Return the forms for a season."""
    seasons = ("none", "additive", "multiplicative") if m > 1 else ("none",)
    return [
        Form(trend=trend, season=season)  # type: ignore[arg-type]
        for season, trend in product(seasons, ("none", "additive", "damped"))
    ]


def fit_form(y: Array, form: Form, m: int, horizon: int) -> tuple[Array, Array]:
    """Fit one form to each series.

    Returns:
        AICc, shape (n,), infinite where a series is too short; forecasts, shape (n, horizon).
    """
    start = starting_states(y, form, m)
    n, T = y.shape
    points = np.broadcast_to(first_points(), (n, _N_FIRST, 4))
    rng = np.random.default_rng(0)
    best = np.full((n, 4), 0.5)
    best_loss = np.full(n, np.inf)
    rows = np.arange(n)
    for spread in (*_SPREADS, None):
        loss = smooth(y, form, m, settings_of(points, form), start).loss
        chosen = loss.argmin(axis=1)
        is_better = loss[rows, chosen] < best_loss
        best = np.where(is_better[:, None], points[rows, chosen], best)
        best_loss = np.minimum(best_loss, loss[rows, chosen])
        if spread is not None:
            steps = rng.normal(0.0, spread, (1, _N_NEXT, 4))
            points = np.clip(best[:, None, :] + steps, 0.0, 1.0)
    settings = settings_of(best[:, None, :], form)
    run = smooth(y, form, m, settings, start)
    forecasts = extend(run.states, form, m, settings.phi, T, horizon)[:, 0]
    return _aicc(run.loss[:, 0], y, form.n_parameters(m)), forecasts


def _aicc(loss: Array, y: Array, k: int) -> Array:
    n = np.isfinite(y).sum(axis=1)
    room = n - k - 1
    return np.where(room > 0, loss + 2 * k + 2 * k * (k + 1) / np.maximum(room, 1), np.inf)


def settings_of(points: Array, form: Form) -> Settings:
    """Map points of the unit cube, shape (n, K, 4), to admissible smoothing weights."""
    alpha = 0.001 + 0.998 * points[..., 0]
    beta = alpha * points[..., 1] ** 2
    gamma = (1.0 - alpha) * points[..., 2] ** 2
    phi = 0.8 + 0.18 * points[..., 3] if form.trend == "damped" else np.ones_like(alpha)
    return Settings(alpha=alpha, beta=beta, gamma=gamma, phi=phi)


@cache
def first_points() -> Array:
    """Return the points from which every search starts, evenly spread, shape (K, 4).

    Roberts' sequence: multiples of the powers of the root of x^5 = x + 1, modulo 1.
    """
    root = 1.1673039782614187
    steps = root ** -np.arange(1, 5)
    return np.asarray((0.5 + np.arange(1, _N_FIRST + 1)[:, None] * steps) % 1.0)
