"""Uploading in a real browser: progress, refusals, the new asset's page."""

import uuid

import pytest
from playwright.sync_api import expect


@pytest.fixture
def page(open_page):
    page = open_page("/data/new")
    page.get_by_role("heading", name="Upload data").wait_for()
    return page


def test_a_table_becomes_an_asset_with_a_preview(page, people):
    name = f"people-{uuid.uuid4().hex[:6]}"
    page.set_input_files("input[type=file]", people)
    expect(page.get_by_label("Name of the data asset")).to_have_value("people")
    page.get_by_label("Name of the data asset").fill(name)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(page.locator("output.total")).to_have_text("300 rows")
    expect(page.get_by_role("gridcell", name="female").first).to_be_visible()
    page.get_by_role("link", name="Start AutoML").click()
    expect(page.get_by_role("textbox", name="Data asset")).to_have_value(name)
    expect(page.get_by_role("textbox", name="Target")).to_have_value("income")


def test_a_table_can_be_dropped(page):
    page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.items.add(new File(["a,b\\n1,2\\n"], "my table.csv"));
          document.querySelector(".studio-upload").dispatchEvent(
            new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
        }"""
    )
    expect(page.get_by_label("Name of the data asset")).to_have_value("my-table")
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("my-table")


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"a,b\n1,2\n3\n", "broken", "line 3: 1 values where the header has 2 columns"),
        (b"", "empty", "is empty"),
        (b"a,b\n", "headless", "but no rows"),
        (b"a\n1\n", "not a name", "cannot be used as name"),
        (b"x" * (1 << 21), "large", "The file has 2 MiB; the studio takes at most 1 MiB"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_reason(page, content, name, message):
    file = {"name": "table.csv", "mimeType": "text/csv", "buffer": content}
    page.set_input_files("input[type=file]", file)
    page.get_by_label("Name of the data asset").fill(name)
    page.get_by_role("button", name="Upload").click()
    expect(page.locator(".studio-upload").get_by_role("alert")).to_contain_text(message)
    expect(page.get_by_role("button", name="Upload")).to_be_enabled()
