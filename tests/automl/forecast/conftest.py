import numpy as np
import pandas as pd
import pytest

from automl._forecast._check import check_frame
from automl._forecast._options import check_options


def _series(n=60, *, freq="MS", start="2015-01-01", season=12, seed=0, level=100.0, **columns):
    rng = np.random.default_rng(seed)
    t = np.arange(n)
    y = level + 0.5 * t + 10 * np.sin(2 * np.pi * t / season) + rng.normal(0, 1, n)
    return pd.DataFrame({"ds": pd.date_range(start, periods=n, freq=freq), "y": y} | columns)


def _many(n_series=3, n=60, **more):
    parts = [
        _series(n, seed=i, level=100.0 * (i + 1), **more).assign(unique_id=f"s{i}")
        for i in range(n_series)
    ]
    return pd.concat(parts, ignore_index=True)


def _panel(frame, *, horizon=4, freq="auto", season="auto", **options):
    settings = check_options(horizon=horizon, time_budget_s=10, seed=0, options=options)
    return check_frame(frame, settings, freq=freq, season=season).panel


@pytest.fixture(scope="session")
def make_series():
    """Makes a series with a trend, a season and noise."""
    return _series


@pytest.fixture(scope="session")
def make_many():
    """Makes several series of different levels under one another."""
    return _many


@pytest.fixture(scope="session")
def to_panel():
    """Checks a table and returns its panel."""
    return _panel


@pytest.fixture(scope="session")
def panel():
    """Three series of five years, by month."""
    return _panel(_many(), horizon=6)
