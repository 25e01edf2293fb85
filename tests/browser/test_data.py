"""A table of a million rows in a real browser: grid, profile, chart, and addresses for others."""

import json
import re
import uuid
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from playwright.sync_api import expect

from mlflow_plugins.core import AssetStore
from mlflow_plugins.data import create_data_asset

N = 1_000_000
EVIL = '<img src=x onerror="window.hacked = 1">'
CHECKS = Path(__file__).with_name("readability.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def store(server):
    return AssetStore(MlflowClient(server.uri))


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "id": np.arange(N),
            "a.b": rng.integers(0, 1000, N),
            EVIL: rng.choice(["Oslo", "Rome", "<i>Bonn</i>"], N, p=[0.5, 0.3, 0.2]),
            "amount": np.where(rng.random(N) < 0.1, np.nan, rng.normal(100, 30, N).round(2)),
        }
    )


@pytest.fixture(scope="module")
def million(store, frame, tmp_path_factory):
    path = tmp_path_factory.mktemp("tables") / "million.parquet"
    frame.to_parquet(path, row_group_size=100_000)
    return create_data_asset(store, path, name=f"million-{uuid.uuid4().hex[:6]}").name


def cell(page, row, column):
    return page.locator(f'.ag-row[row-index="{row - 1}"] .ag-cell[col-id="c{column}"]')


def head(page, column):
    return page.locator(f'.ag-header-cell[col-id="c{column}"]')


def query(page):
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def test_a_million_rows_are_looked_at_and_sent_to_somebody_else(open_page, million, frame):
    page = open_page(f"/data/asset/{million}")
    total = page.locator("output.total")
    expect(total).to_have_text("1,000,000 rows")
    expect(cell(page, 1, 0)).to_have_text("0")
    expect(head(page, 2).locator("strong")).to_have_text(EVIL)
    expect(head(page, 3).locator(".bars i")).to_have_count(20)
    expect(head(page, 3)).to_contain_text("10% missing")

    page.get_by_label("Go to row").fill("100,000")
    page.get_by_label("Go to row").press("Enter")
    expect(cell(page, 100_000, 0)).to_have_text("99999")
    page.locator(".ag-body-viewport").hover()
    page.mouse.wheel(0, 30 * 200)
    expect(cell(page, 100_200, 0)).to_have_text("100199")
    page.get_by_role("button", name="Last").click()
    expect(cell(page, N, 0)).to_have_text("999999")

    head(page, 1).locator(".studio-data-head").click()
    head(page, 3).locator(".studio-data-head").click(modifiers=["Shift"])
    head(page, 3).locator(".studio-data-head").click(modifiers=["Shift"])
    page.get_by_role("button", name="First").click()
    ordered = frame.sort_values(["a.b", "amount"], ascending=[True, False])
    expect(cell(page, 1, 0)).to_have_text(str(ordered.id.iloc[0]))
    assert query(page)["sort"] == "1,-3"

    head(page, 3).locator(".ag-header-cell-filter-button").click()
    page.locator(".ag-filter .ag-picker-field-wrapper").first.click()
    page.get_by_role("option", name="Greater than", exact=True).click()
    page.locator(".ag-filter input").first.fill("150")
    page.keyboard.press("Escape")
    n_above = int((frame.amount > 150).sum())
    expect(total).to_have_text(f"{n_above:,} of 1,000,000 rows")
    page.get_by_label("Search all columns").fill("bonn")
    left = ordered[(ordered.amount > 150) & (ordered[EVIL] == "<i>Bonn</i>")]
    expect(total).to_have_text(f"{len(left):,} of 1,000,000 rows")
    expect(cell(page, 1, 0)).to_have_text(str(left.id.iloc[0]))
    expect(cell(page, 1, 2)).to_have_text("<i>Bonn</i>")

    page.get_by_role("button", name="Columns").click()
    page.get_by_role("checkbox", name="a.b").uncheck()
    page.get_by_label("Pin amount").click()
    page.get_by_role("button", name="Close").click()
    expect(head(page, 1)).to_have_count(0)
    assert query(page)["cols"] == "0,2,3"
    assert query(page)["pin"] == "3"

    other = open_page(page.url.partition("/studio")[2])
    expect(other.locator("output.total")).to_have_text(f"{len(left):,} of 1,000,000 rows")
    expect(cell(other, 1, 0)).to_have_text(str(left.id.iloc[0]))
    expect(other.locator('.ag-pinned-left-header .ag-header-cell[col-id="c3"]')).to_be_visible()
    expect(head(other, 1)).to_have_count(0)

    other.get_by_role("link", name="Charts").click()
    form = other.locator(".studio-chart-form")
    form.get_by_label("Chart").select_option("Bars of counts")
    drawn = other.locator(".studio-chart .barlayer .point")
    expect(drawn).to_have_count(1)  # the filter came along
    expect(other.locator(".studio-chart")).to_contain_text("<i>Bonn</i>")
    with other.expect_download() as download:
        other.get_by_role("button", name="Download CSV").click()
    text = Path(download.value.path()).read_text(encoding="utf-8")
    assert text.splitlines()[1] == f"<i>Bonn</i>,{len(left)}"
    with other.expect_download() as download:
        other.get_by_role("button", name="Download PNG").click()
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")
    third = open_page(other.url.partition("/studio")[2])
    expect(third.locator(".studio-chart .barlayer .point")).to_have_count(1)
    assert [one.evaluate("window.hacked") for one in (page, other, third)] == [None] * 3


def test_a_profile_is_computed_and_shown(open_page, million, frame):
    page = open_page(f"/data/asset/{million}?tab=profile")
    tile = page.locator(".studio-tiles div", has_text="Rows").first
    expect(tile).to_contain_text("1,000,000", timeout=90_000)
    expect(page.get_by_role("gridcell", name=EVIL)).to_be_visible()
    page.get_by_label("Search the figures").fill("amount")
    expect(page.get_by_text("1 of 4 columns")).to_be_visible()
    card = page.locator(".studio-column-card", has_text="amount")
    expect(card).to_contain_text(f"{frame.amount.isna().sum():,} (10%)")
    page.get_by_label("Which column is to be predicted?").select_option("amount")
    expect(page.get_by_text("By how much knowing the column alone")).to_be_visible(timeout=90_000)
    assert query(page)["target"] == "amount"
    assert page.evaluate("window.hacked") is None


@pytest.fixture(scope="module")
def odd(store, tmp_path_factory):
    path = tmp_path_factory.mktemp("tables") / "odd.parquet"
    names = ['he said "hi"', "it's", "a.b", "a.b.c", "🎉\nline", "__proto__", "${x}", EVIL]
    pd.DataFrame({name: [f"{name} " * 60, None] for name in names}).to_parquet(path)
    create_data_asset(store, path, name="odd")
    return names


def test_any_name_is_shown_and_a_long_value_opens_whole(open_page, odd):
    page = open_page("/data/asset/odd")
    for place, name in enumerate(odd[:5]):
        expect(head(page, place).locator("strong")).to_have_text(name.replace("\n", " "))
    expect(cell(page, 2, 0)).to_have_text("null")
    cell(page, 1, 0).dblclick()
    opened = page.get_by_role("dialog")
    expect(opened.locator("pre")).to_have_text(f"{odd[0]} " * 60)
    page.keyboard.press("Escape")
    expect(opened).to_have_count(0)
    page.get_by_role("button", name="Columns").click()
    expect(page.get_by_role("checkbox", name=EVIL)).to_be_checked()
    assert page.evaluate("window.hacked") is None


@pytest.fixture(scope="module")
def kinds(store, tmp_path_factory):
    frame = pd.DataFrame(
        {
            "flag": pd.array([True, False, None, True] * 10, dtype="boolean"),
            "day": (pd.Timestamp("2020-01-01") + pd.to_timedelta(range(40), unit="D")).date,
            "word": [["a", "b", "c, d", None][n % 4] for n in range(40)],
        }
    )
    path = tmp_path_factory.mktemp("tables") / "kinds.parquet"
    frame.to_parquet(path)
    create_data_asset(store, path, name="kinds")


def test_each_type_has_its_filter_and_a_cell_is_copied(open_page, kinds):
    page = open_page("/data/asset/kinds", permissions=["clipboard-read", "clipboard-write"])
    total = page.locator("output.total")
    expect(total).to_have_text("40 rows")

    def choose(column, option, *values):
        head(page, column).locator(".ag-header-cell-filter-button").click()
        page.locator(".ag-filter .ag-picker-field-wrapper").first.click()
        page.get_by_role("option", name=option, exact=True).click()
        for place, value in enumerate(values):
            page.locator(".ag-filter input").nth(place).fill(value)

    choose(0, "True")
    expect(total).to_have_text("20 of 40 rows")
    page.keyboard.press("Escape")
    choose(1, "Between", "2020-01-02", "2020-01-09")
    expect(total).to_have_text("4 of 40 rows")
    page.keyboard.press("Escape")
    choose(2, 'Is one of (a, b, "c, d")', 'a, "c, d"')
    expect(total).to_have_text("2 of 40 rows")
    page.keyboard.press("Escape")
    cell(page, 1, 1).click()
    page.keyboard.press("Control+c")
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "2020-01-05"
    page.get_by_role("button", name="Clear filters").click()
    expect(total).to_have_text("40 rows")
    choose(2, "Blank")
    expect(total).to_have_text("10 of 40 rows")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Versions").click()
    page.go_back()
    expect(total).to_have_text("10 of 40 rows")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("tab", ["preview", "profile", "charts", "about"])
def test_its_parts_can_be_read_also_in_a_narrow_window(open_page, odd, tab, scheme):
    page = open_page(
        f"/data/asset/odd?tab={tab}", color_scheme=scheme, viewport={"width": 390, "height": 844}
    )
    ready = {
        "preview": ".ag-row .ag-cell",
        "profile": ".studio-column-card",
        "charts": ".studio-chart .main-svg",
        "about": ".studio-pairs",
    }
    page.locator(ready[tab]).first.wait_for()
    assert page.evaluate(f"{CHECKS}; faint()") == []
    assert page.evaluate(f"{CHECKS}; unnamed()") == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_list_is_searched(open_page, odd, million):
    page = open_page("/data")
    page.get_by_label("Search by name").fill("illion")
    expect(page).to_have_url(re.compile("text=illion"))
    expect(page.get_by_role("link", name=million)).to_be_visible()
    expect(page.get_by_role("link", name="odd", exact=True)).to_have_count(0)


def test_a_table_that_cannot_be_asked_says_why(open_page, odd):
    broken = json.dumps({"c0": {"filterType": "text", "type": "sounds", "filter": "x"}})
    page = open_page(f"/data/asset/odd?q=hi&tab=charts&filter={broken}")
    expect(page.get_by_role("alert")).to_contain_text("cannot be read")
