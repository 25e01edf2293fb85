"""A forecast in the browser: a table, a search, its chart."""

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import expect

SEARCH_MS = 240_000


@pytest.fixture
def sales(tmp_path):
    """Two shops' sales by month as a CSV file."""
    t = np.arange(60)
    parts = [
        pd.DataFrame(
            {
                "month": pd.date_range("2019-01-01", periods=60, freq="MS"),
                "shop": shop,
                "sold": size * (10 + np.sin(2 * np.pi * t / 12)) + t % 3,
            }
        )
        for shop, size in (("north", 5.0), ("south", 9.0))
    ]
    path = tmp_path / "sales.csv"
    pd.concat(parts).to_csv(path, index=False)
    return path


@pytest.mark.timeout(600)
def test_from_a_table_to_a_chart(open_page, agent, sales):
    page = open_page("/data/new")
    page.get_by_label("Choose files").set_input_files(sales)
    page.get_by_label("Name of the data asset").fill("sales")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("sales")

    page.get_by_role("link", name="Start AutoML").click()
    expect(page.get_by_label("Time column")).to_be_hidden()
    page.get_by_role("textbox", name="Task").click()
    page.get_by_role("option", name="Forecasting").click()
    expect(page.get_by_role("textbox", name="Time column")).to_have_value("month")
    page.get_by_role("textbox", name="Series").click()
    page.get_by_role("option", name="shop").click()
    page.keyboard.press("Escape")
    page.get_by_label("Horizon").fill("6")
    page.get_by_label("Time budget in minutes").fill("0.3")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Forecast of sold in sales")

    chart = page.get_by_role("figure", name="Chart of north")
    expect(chart).to_be_visible(timeout=SEARCH_MS)
    expect(page.get_by_text("6 steps of MS")).to_be_visible()
    expect(page.get_by_role("table", name="Measures of the forecast")).to_contain_text("mase")
    page.get_by_role("textbox", name="Series").click()
    page.get_by_role("option", name="south").click()
    south = page.get_by_role("figure", name="Chart of south")
    expect(south).to_be_visible()
    expect(south.locator(".legendtext", has_text="Forecast")).to_be_visible()
    leaderboard = page.get_by_role("region", name="Leaderboard")
    expect(leaderboard.get_by_role("gridcell", name="complete").first).to_be_visible()
    expect(page.get_by_role("button", name="Register")).to_be_visible()
