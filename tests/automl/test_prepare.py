import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl import DataError
from automl._prepare import Preparer
from automl._prepare._columns import Kind, guess_kind
from automl._table import stratified_folds

N = 60
CELLS = {
    "numbers": st.one_of(st.none(), st.floats(), st.integers(-(2**40), 2**40)),
    "words": st.one_of(st.none(), st.text(max_size=8)),
    "mixed": st.one_of(
        st.none(), st.floats(), st.text(max_size=4), st.booleans(), st.lists(st.integers())
    ),
    "numbers as text": st.one_of(st.just(" "), st.integers().map(str), st.floats().map(str)),
    "dates": st.one_of(st.none(), st.datetimes().map(str)),
    "bools": st.one_of(st.none(), st.booleans()),
}


@st.composite
def odd_frames(draw):
    n_rows = draw(st.integers(1, 12))
    kinds = draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=4))
    names = st.text(min_size=1, max_size=6) | st.sampled_from(['{"a": [1]}', "x,y:z", "ñ 列", " "])
    columns = draw(st.lists(names, min_size=len(kinds), max_size=len(kinds), unique=True))
    cells = [draw(st.lists(CELLS[k], min_size=n_rows, max_size=n_rows)) for k in kinds]
    series = {c: pd.Series(v, dtype=object) for c, v in zip(columns, cells, strict=True)}
    frame = pd.DataFrame(series)
    return frame.infer_objects() if draw(st.booleans()) else frame


@given(odd_frames())
@settings(max_examples=150, deadline=None)
def test_any_frame_gives_finite_or_missing_numbers_and_known_codes(frame):
    preparer = Preparer().fit(frame)
    table = preparer.transform(frame)
    assert len(table) == len(frame)
    assert not np.isinf(table.matrix).any()
    for codes, cardinality in zip(table.codes.T, table.cardinalities, strict=True):
        assert codes.min() >= -1
        assert codes.max() < cardinality
    preparer.findings(frame)


@given(odd_frames())
@settings(max_examples=50, deadline=None)
def test_a_row_is_prepared_alike_alone_and_among_others(frame):
    preparer = Preparer().fit(frame)
    whole = preparer.transform(frame).matrix
    alone = preparer.transform(frame.iloc[[0]]).matrix
    np.testing.assert_allclose(alone[0], whole[0], equal_nan=True)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([None] * N, Kind.EMPTY),
        ([np.inf, -np.inf] * (N // 2), Kind.EMPTY),
        ([7] * N, Kind.CONSTANT),
        (["a"] * N, Kind.CONSTANT),
        (list(range(1000, 1000 + N)), Kind.ROW_ID),
        (np.random.default_rng(0).permutation(N).tolist(), Kind.ROW_ID),
        ([f"id-{i}" for i in range(N)], Kind.ROW_ID),
        (np.random.default_rng(0).normal(size=N).tolist(), Kind.NUMBER),
        ([1, 2, None] * (N // 3), Kind.NUMBER),
        ([True, False] * (N // 2), Kind.NUMBER),
        ([*(str(i / 2) for i in range(N - 1)), " "], Kind.NUMBER_AS_TEXT),
        ([f"2024-01-{i % 28 + 1:02d} 10:00" for i in range(N)], Kind.DATE_AS_TEXT),
        (pd.date_range("2024", periods=N).to_list(), Kind.DATE),
        (pd.to_timedelta(range(N), unit="h").to_list(), Kind.DURATION),
        (["red", "green"] * (N // 2), Kind.CATEGORY),
        ([f"the thing number {i} is nice" for i in range(N)], Kind.TEXT),
    ],
)
def test_kinds_are_recognised(values, kind):
    assert guess_kind(pd.Series(values)) is kind


def _frame():
    return pd.DataFrame(
        {
            "number": np.random.default_rng(0).normal(size=N),
            "color": ["red", "green", None] * (N // 3),
            "charge": [*(str(i / 2) for i in range(N - 1)), " "],
            "when": pd.date_range("2024-01-01", periods=N, freq="36h"),
            "one": 1,
            "id": range(N),
        }
    ).assign(copy=lambda f: f["number"])


def test_the_report_says_what_was_done():
    frame = _frame()
    found = {f.check: f.columns for f in Preparer().fit(frame).findings(frame)}
    assert found["missing_values"] == ("color",)
    assert found["numbers_as_text"] == ("charge",)
    assert found["dates"] == ("when",)
    assert found["constant_columns"] == ("one",)
    assert found["row_ids"] == ("id",)
    assert found["duplicate_columns"] == ("copy",)


def test_unseen_levels_and_order_and_extra_columns_do_not_matter():
    frame = _frame()
    preparer = Preparer().fit(frame)
    row = frame.iloc[[0]].assign(color="blue", extra=1)[::-1]
    row = row[sorted(row.columns)]
    expected = preparer.transform(frame.iloc[[0]].assign(color=None)).matrix
    np.testing.assert_array_equal(preparer.transform(row).matrix, expected)


def test_a_category_survives_a_gained_missing_value():
    frame = pd.DataFrame({"zone": pd.Categorical([1, 2, 3] * 20), "x": np.arange(N) * 1.5})
    preparer = Preparer().fit(frame)
    as_float = pd.DataFrame({"zone": [2.0, np.nan], "x": [1.0, 2.0]})
    as_text = pd.DataFrame({"zone": ["2", None], "x": [1.0, 2.0]})
    np.testing.assert_array_equal(
        preparer.transform(as_float).codes, preparer.transform(as_text).codes
    )
    assert preparer.transform(as_float).codes[0, 0] >= 0


def test_a_missing_column_is_named():
    preparer = Preparer().fit(_frame())
    with pytest.raises(DataError, match=r"lacks 1 of the 7 columns .*'color'"):
        preparer.transform(_frame().drop(columns=["color"]))


@given(st.lists(st.integers(0, 4), min_size=10, max_size=80), st.integers(2, 5))
@settings(max_examples=60, deadline=None)
def test_folds_share_every_class_evenly(labels, n_folds):
    y = np.array(labels)
    fold = stratified_folds(y, n_folds=n_folds, is_regression=False, seed=1)
    for k in np.unique(y):
        counts = np.bincount(fold[y == k], minlength=n_folds)
        assert counts.max() - counts.min() <= 1


def test_folds_of_values_cover_the_range():
    y = np.arange(100.0)
    fold = stratified_folds(y, n_folds=5, is_regression=True, seed=0)
    for k in range(5):
        assert np.diff(np.sort(y[fold == k])).max() <= 9


def test_what_is_said_of_a_column_is_not_guessed():
    frame = pd.DataFrame({"zip": np.arange(1000, 1100), "a": ["1", "2"] * 50, "b": range(100)})
    said = {"zip": Kind.CATEGORY, "a": Kind.CATEGORY, "b": Kind.IGNORED}
    preparer = Preparer(said).fit(frame)
    table = preparer.transform(frame)
    assert table.cardinalities == (100, 2)
    assert table.numeric.shape == (100, 0)
    checks = {found.check: found.columns for found in preparer.findings(frame)}
    assert checks["ignored_columns"] == ("b",)
