"""Exponential smoothing of many series with many parameter settings at once.

Notation (Hyndman, Koehler, Ord & Snyder, "Forecasting with Exponential Smoothing", 2008):
    n series, K settings for each, T steps, m season.
    level l, slope b, seasonal s; smoothing weights alpha, beta, gamma; damping phi.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from automl._forecast._panel import Array

Trend = Literal["none", "additive", "damped"]
Season = Literal["none", "additive", "multiplicative"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The form of a model."""

    trend: Trend
    season: Season

    def n_parameters(self, m: int) -> int:
        """Smoothing weights, starting values and the variance."""
        n_trend = {"none": 0, "additive": 2, "damped": 3}[self.trend]
        return 3 + n_trend + (0 if self.season == "none" else m)


@dataclass(slots=True, kw_only=True)
class States:
    """Level and slope, shape (n, K), and seasonals by phase, shape (m, n, K)."""

    level: Array
    slope: Array
    seasonal: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Smoothing weights, each of shape (n, K)."""

    alpha: Array
    beta: Array
    gamma: Array
    phi: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a pass over the series left.

    Attributes:
        loss: -2 log likelihood up to a constant, shape (n, K).
        states: States after the last step.
    """

    loss: Array
    states: States


def smooth(y: Array, form: Form, m: int, settings: Settings, start: States) -> Run:
    """Pass once over the series.

    Args:
        y: Series that end together, NaN in front, shape (n, T).
        form: Form of the model.
        m: Season; the phase of column t is t modulo m.
        settings: Smoothing weights.
        start: States before each series' first value.
    """
    n, T = y.shape
    K = settings.alpha.shape[1]
    first = np.isfinite(y).argmax(axis=1)
    last_first = int(first.max())
    level = np.broadcast_to(start.level, (n, K)).copy()
    slope = np.broadcast_to(start.slope, (n, K)).copy()
    seasonal = np.broadcast_to(start.seasonal, (*start.seasonal.shape[:1], n, K)).copy()
    squares, logs = np.zeros((n, K)), np.zeros((n, K))
    is_relative = form.season == "multiplicative"
    alpha, beta, gamma, phi = settings.alpha, settings.beta, settings.gamma, settings.phi
    has_trend, has_season = form.trend != "none", form.season != "none"
    for t in range(int(first.min()), T):
        base = level + phi * slope if has_trend else level
        s = seasonal[t % m] if has_season else None
        mean = base if s is None else base * s if is_relative else base + s
        error = y[:, t, None] - mean
        per_level = error / s if is_relative else error
        new_level = base + alpha * per_level
        new_slope = phi * slope + beta * per_level if has_trend else slope
        if t < last_first:  # some series have not begun
            waits = (t < first)[:, None]
            error = np.where(waits, 0.0, error)
            new_level = np.where(waits, level, new_level)
            new_slope = np.where(waits, slope, new_slope)
            mean = np.where(waits, 1.0, mean)
        if s is not None:
            seasonal[t % m] = s + gamma * (error / base if is_relative else error)
        level, slope = new_level, new_slope
        if is_relative:
            safe = np.maximum(np.abs(mean), 1e-12)
            squares += (error / safe) ** 2
            logs += np.log(safe)
        else:
            squares += error * error
    count = (T - first)[:, None]
    loss = count * np.log(np.maximum(squares / count, 1e-300)) + 2.0 * logs
    loss[~np.isfinite(loss)] = np.inf
    return Run(loss=loss, states=States(level=level, slope=slope, seasonal=seasonal))


def extend(states: States, form: Form, m: int, phi: Array, T: int, horizon: int) -> Array:
    """Return forecasts of the steps after column T - 1, shape (n, K, horizon)."""
    steps = np.arange(1, horizon + 1)
    if form.trend == "none":
        path = np.repeat(states.level[..., None], horizon, axis=2)
    else:
        damping = np.cumsum(phi[..., None] ** steps, axis=2)
        path = states.level[..., None] + damping * states.slope[..., None]
    if form.season == "none":
        return path
    seasonal = np.moveaxis(states.seasonal[(T + steps - 1) % m], 0, -1)
    return path * seasonal if form.season == "multiplicative" else path + seasonal


def starting_states(y: Array, form: Form, m: int) -> States:
    """Return states before each series' first value, from a line and seasonal means of its head.

    Returns:
        Level and slope of shape (n, 1), seasonals of shape (m, n, 1).
    """
    n, T = y.shape
    first = np.isfinite(y).argmax(axis=1)
    lengths = T - first
    has_season = form.season != "none"
    head = np.minimum(lengths, max(3 * m, 10) if has_season else 10)
    level, slope, seasonal = np.zeros(n), np.zeros(n), np.zeros((m, n))
    for size in np.unique(head):
        rows = np.flatnonzero(head == size)
        values = y[rows[:, None], first[rows, None] + np.arange(size)]
        phases = (first[rows, None] + np.arange(size)) % m
        coefficients = (
            values @ np.linalg.pinv(_line_and_season(int(size), m if has_season else 1)).T
        )
        slope[rows] = coefficients[:, 1]
        level[rows] = coefficients[:, 0]
        if form.trend == "none":
            level[rows] += coefficients[:, 1] * (size + 1) / 2
        for j in range(m if has_season else 0):
            seasonal[phases[:, j % size], rows] = coefficients[:, 2 + j % size] if j < size else 0.0
    if form.season == "multiplicative":
        centre = np.maximum(np.abs(level + slope * head / 2), 1e-9)
        seasonal = np.clip(1.0 + seasonal / centre, 0.05, 20.0)
    if form.trend == "none":
        slope[:] = 0.0
    return States(level=level[:, None], slope=slope[:, None], seasonal=seasonal[..., None])


def _line_and_season(size: int, m: int) -> Array:
    """Return the design of a line with seasonal means that sum to zero, shape (size, 2 + m)."""
    t = np.arange(1, size + 1, dtype=float)
    if m == 1:
        return np.column_stack([np.ones(size), t])
    dummies = (np.arange(size)[:, None] % m == np.arange(m)).astype(float)
    return np.column_stack([np.ones(size), t, dummies - 1.0 / m])
