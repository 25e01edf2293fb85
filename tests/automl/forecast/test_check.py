import numpy as np
import pandas as pd
import pytest

from automl import DataError, OptionError
from automl._forecast._check import check_frame
from automl._forecast._options import check_options


def test_rows_in_any_order_become_sorted_series(make_many, to_panel):
    frame = make_many()
    shuffled = frame.sample(frac=1.0, random_state=1)
    panel = to_panel(shuffled)
    assert [key for (key,) in panel.keys] == ["s0", "s1", "s2"]
    for i, (_, rows) in enumerate(frame.groupby("unique_id")):
        np.testing.assert_array_equal(panel.y[i], rows["y"])
    assert panel.spec.freq == "MS"
    assert panel.spec.seasons == (12,)


def test_without_an_id_column_it_is_one_series(make_series, to_panel):
    panel = to_panel(
        make_series(30).rename(columns={"ds": "when", "y": "sold"}),
        time_column="when",
        target="sold",
    )
    assert panel.keys == ((),)
    assert len(panel.y[0]) == 30


def test_two_id_columns_name_a_series(make_many, to_panel):
    frame = make_many(2).assign(shop=1)
    panel = to_panel(frame, id_columns=["shop", "unique_id"])
    assert panel.keys == ((1, "s0"), (1, "s1"))


def test_gaps_are_filled_by_lines_and_are_not_scored(make_series, to_panel):
    frame = make_series(40)
    frame.loc[10, "y"] = np.nan
    panel = to_panel(frame.drop(index=[20, 21]))
    assert len(panel.y[0]) == 40
    assert np.flatnonzero(~panel.observed[0]).tolist() == [10, 20, 21]
    assert panel.y[0][10] == pytest.approx((frame.y[9] + frame.y[11]) / 2)
    assert panel.y[0][20] == pytest.approx(frame.y[19] + (frame.y[22] - frame.y[19]) / 3)


def test_missing_values_at_the_ends_are_no_history(make_series, to_panel):
    frame = make_series(40)
    frame.loc[[0, 1, 38, 39], "y"] = np.nan
    panel = to_panel(frame)
    assert len(panel.y[0]) == 36
    assert panel.stamps(1)[int(panel.ends[0])] == frame.ds[38]


def test_infinite_values_count_as_missing(make_series):
    frame = make_series(40)
    frame.loc[5, "y"] = np.inf
    settings = check_options(horizon=3, time_budget_s=1, seed=0, options={})
    checked = check_frame(frame, settings, freq="auto", season="auto")
    assert "infinite_target" in {f.check for f in checked.findings}
    assert not checked.panel.observed[0][5]


def test_duplicates_are_refused_or_aggregated(make_series, to_panel):
    frame = pd.concat([make_series(30), make_series(30, seed=1)], ignore_index=True)
    with pytest.raises(DataError, match=r"30 rows repeat a stamp.*id column missing.*aggregate="):
        to_panel(frame)
    panel = to_panel(frame, aggregate="mean")
    expected = frame.groupby("ds")["y"].mean().to_numpy()
    np.testing.assert_allclose(panel.y[0], expected)


def test_finer_rows_are_summed_into_steps(make_series, to_panel):
    frame = make_series(24 * 30, freq="h", start="2024-03-01", season=24)
    with pytest.raises(DataError, match="do not lie on a grid of freq='D'"):
        to_panel(frame, freq="D")
    panel = to_panel(frame, freq="D", aggregate="sum")
    np.testing.assert_allclose(panel.y[0], frame["y"].to_numpy().reshape(30, 24).sum(axis=1))


def test_stamps_off_the_grid_are_refused(make_series, to_panel):
    frame = make_series(40, freq="D", season=7)
    frame.loc[7, "ds"] += pd.Timedelta("5h")
    with pytest.raises(DataError, match=r"1 of 40 stamps do not lie on a grid of freq='D'.*05:00"):
        to_panel(frame, freq="D")


def test_irregular_rows_are_refused_with_the_remedy(to_panel):
    rng = np.random.default_rng(0)
    stamps = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.cumsum(rng.integers(1, 9**6, 50)), "s")
    frame = pd.DataFrame({"ds": stamps, "y": 1.0})
    with pytest.raises(DataError, match="aggregate="):
        to_panel(frame)


@pytest.mark.parametrize("freq", ["ME", "MS", "QE-DEC", "W-THU", "YS-JAN"])
def test_ends_of_months_and_other_anchors(make_series, to_panel, freq):
    frame = make_series(30, freq=freq)
    panel = to_panel(frame)
    assert panel.spec.freq == freq
    assert (panel.stamps(3)[:30] == frame.ds).all()
    assert len(panel.y[0]) == 30


def test_a_frequency_without_its_anchor_finds_it(make_series, to_panel):
    assert to_panel(make_series(30, freq="W-THU", season=4), freq="W").spec.freq == "W-THU"
    assert to_panel(make_series(30, freq="MS"), freq="M").spec.freq == "MS"


def test_days_stay_days_across_daylight_saving(to_panel):
    stamps = pd.date_range("2024-03-20", periods=30, freq="D", tz="Europe/Berlin")
    panel = to_panel(pd.DataFrame({"ds": stamps, "y": np.arange(30.0)}))
    assert panel.spec.freq == "D"
    assert panel.spec.timezone == "Europe/Berlin"
    assert len(panel.y[0]) == 30
    assert panel.observed[0].all()


def test_covariates_are_sorted_by_what_is_known_of_them(make_many, to_panel):
    frame = make_many()
    frame["region"] = frame["unique_id"].map({"s0": "north", "s1": "south", "s2": "north"})
    frame["price"], frame["visits"], frame["weather"] = 1.0, 2.0, "sun"
    frame.loc[3, "weather"] = "rain"
    panel = to_panel(frame, known=["price", "weather"])
    assert panel.spec.known == ("price", "weather")
    assert panel.spec.static == ("region", "visits")
    assert panel.spec.levels["weather"] == ("rain", "sun")
    assert panel.static[:, 0].tolist() == [0, 1, 0]
    assert panel.known[0][2:5, 1].tolist() == [1, 0, 1]


SHORT = {"horizon": 10}


def test_short_series_are_kept_padded_dropped_or_refused(make_many, make_series, to_panel):
    short = make_series(5, start="2018-01-01").assign(unique_id="short")
    frame = pd.concat([make_many(2), short], ignore_index=True)
    assert to_panel(frame, **SHORT).lengths.tolist() == [60, 60, 5]
    padded = to_panel(frame, short_series="pad", **SHORT)
    assert padded.lengths.tolist() == [60, 60, 13]
    assert padded.y[2][:8].tolist() == [short.y[0]] * 8
    assert padded.observed[2].tolist() == [False] * 8 + [True] * 5
    assert padded.stamps(1)[int(padded.ends[2]) - 1] == short.ds[4]
    assert len(to_panel(frame, short_series="drop", **SHORT)) == 2
    with pytest.raises(DataError, match="1 of 3 series have fewer than 13 steps"):
        to_panel(frame, short_series="none", **SHORT)
    with pytest.raises(DataError, match="would leave none"):
        to_panel(short, short_series="drop", **SHORT)


def test_padding_may_reach_before_the_first_stamp(make_series, to_panel):
    panel = to_panel(make_series(5), short_series="pad", **SHORT)
    assert panel.lengths.tolist() == [13]
    assert panel.stamps(1)[int(panel.ends[0]) - 1] == pd.Timestamp("2015-05-01")


BAD = [
    (lambda f: f.rename(columns={"y": "Y2"}), {}, DataError, "No column named 'y' .target."),
    (lambda f: f.rename(columns={"ds": "date"}), {}, DataError, "No column named 'ds' .time."),
    (lambda f: f.assign(ds=range(len(f))), {}, DataError, "'ds' holds numbers, not dates"),
    (lambda f: f.assign(ds="soon"), {}, DataError, "'ds' cannot be read as dates"),
    (lambda f: f.assign(ds=f.ds.where(f.index != 3)), {}, DataError, "'ds' has 1 missing stamps"),
    (lambda f: f.assign(y="much"), {}, DataError, "must hold numbers; 30 values do not.*'much'"),
    (lambda f: f.assign(y=np.nan), {}, DataError, "every row of 'y' is missing"),
    (lambda f: f.head(0), {}, DataError, "no rows"),
    (lambda f: [1], {}, DataError, "must be a pandas DataFrame, not list"),
    (lambda f: f, {"known": ["prise"]}, DataError, "No column named 'prise' .known."),
    (lambda f: f, {"id_columns": "shop"}, DataError, "No column named 'shop' .id."),
    (lambda f: f, {"season": "much"}, OptionError, "season must be 'auto' or a whole number"),
    (lambda f: f, {"freq": "dayly"}, OptionError, "freq must be one of"),
    (lambda f: f, {"holidays": "XX"}, OptionError, "ISO code of a country.*'XX'"),
    (lambda f: f, {"horizon": 0}, OptionError, "horizon must be a whole number from 1, not 0"),
    (lambda f: f, {"levels": [120]}, OptionError, "between 0 and 100, not 120"),
    (lambda f: f, {"lags": [0]}, OptionError, "lags must be a whole number from 1"),
    (lambda f: f, {"short_series": "keep"}, OptionError, "short_series must be one of"),
    (lambda f: f, {"alowed": ["ets"]}, OptionError, "'alowed'.*Did you mean 'allowed'"),
    (lambda f: f, {"allowed": ["est"]}, OptionError, "Did you mean 'ets'"),
    (lambda f: f, {"allowed": ["ets"], "blocked": ["theta"]}, OptionError, "not both"),
    (lambda f: f, {"known": "price"}, OptionError, "known must be a list of column names"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "options", "error", "message"), BAD)
def test_mistakes_are_named(make_series, to_panel, change, options, error, message):
    with pytest.raises(error, match=message):
        to_panel(change(make_series(30)), **options)


def test_a_missing_id_is_refused(make_many, to_panel):
    frame = make_many()
    frame.loc[2, "unique_id"] = None
    with pytest.raises(DataError, match="'unique_id' has 1 missing values"):
        to_panel(frame)


def test_the_horizon_can_be_chosen(make_series):
    settings = check_options(horizon="auto", time_budget_s=1, seed=0, options={})
    for n, expected in ((120, 12), (30, 6), (4, 1)):
        checked = check_frame(make_series(n), settings, freq="auto", season="auto")
        assert checked.settings.horizon == expected
