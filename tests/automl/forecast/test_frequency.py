import pandas as pd
import pytest

from automl import DataError, OptionError
from automl._forecast._frequency import (
    infer_frequency,
    natural_seasons,
    parse_frequency,
    siblings,
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("H", "h"), ("2H", "2h"), ("15T", "15min"), ("M", "ME"), ("Q", "QE-DEC"),
        ("A-JUN", "YE-JUN"),
        ("W", "W-SUN"), ("W-THU", "W-THU"), ("D", "D"), ("B", "B"), ("S", "s"), ("QS", "QS-JAN"),
    ],
)  # fmt: skip
def test_azures_spelling_is_read(old, new):
    assert parse_frequency(old) == new


@pytest.mark.parametrize("text", ["dayly", "", "5", None, 3, "X-FOO"])
def test_what_is_no_frequency_is_refused(text):
    with pytest.raises(OptionError, match="freq must be one of pandas' frequencies"):
        parse_frequency(text)


FREQUENCIES = [
    "D",
    "h",
    "15min",
    "W-MON",
    "W-SUN",
    "MS",
    "ME",
    "QS-JAN",
    "QE-DEC",
    "YS-JAN",
    "B",
    "2h",
]


@pytest.mark.parametrize("freq", FREQUENCIES)
def test_the_frequency_is_inferred(freq):
    stamps = pd.date_range("2020-01-01", periods=40, freq=freq)
    assert infer_frequency([stamps]) == freq


@pytest.mark.parametrize("freq", ["D", "h", "W-WED", "MS", "ME", "QS-OCT"])
def test_the_frequency_is_inferred_across_gaps(freq):
    stamps = pd.date_range("2020-01-01", periods=80, freq=freq)
    holes = stamps.delete([3, 4, 11, 30, 31, 32, 50])
    assert infer_frequency([holes]) in siblings(freq)


def test_daylight_saving_does_not_hide_the_hour():
    stamps = pd.date_range("2024-03-29", periods=72, freq="h", tz="Europe/Berlin")
    assert infer_frequency([stamps]) == "h"


def test_too_few_rows_are_refused():
    stamps = pd.date_range("2024-01-01", periods=2, freq="D")
    with pytest.raises(DataError, match="no series has three rows"):
        infer_frequency([stamps])


def test_seasons_follow_from_the_frequency():
    assert natural_seasons("D") == (7,)
    assert natural_seasons("15min") == (96, 672)
    assert natural_seasons("QE-DEC") == (4,)
    assert natural_seasons("B") == (5,)
    assert natural_seasons("3MS") == (4,)
    assert natural_seasons("7h") == (
        24,
    )  # a week has 24 steps of seven hours, a day no whole number
    assert natural_seasons("YE-DEC") == ()
