"""Every page in a real browser: content, keyboard, narrow windows, light and dark."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

HEADINGS = {
    "/": "Home",
    "/data": "Data",
    "/data/new": "New data",
    "/datastores": "Datastores",
    "/datastores/new": "New datastore",
    "/jobs": "Jobs",
    "/jobs/compare": "Compare jobs",
    "/jobs/new": "New job",
    "/compute": "Compute",
    "/environments": "Environments",
    "/environments/new": "New environment",
    "/models": "Models",
    "/endpoints": "Endpoints",
    "/endpoints/new": "Create an endpoint",
    "/automl": "AutoML",
    "/automl/new": "New AutoML search",
    "/rai": "Responsible AI",
    "/rai/new": "New evaluation",
    "/about": "About",
    "/nothing": "Not found",
}

CHECKS = Path(__file__).with_name("readability.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", HEADINGS)
def test_it_loads_without_a_complaint(open_page, path):
    page = open_page(path)
    expect(page.get_by_role("heading", level=1)).to_have_text(HEADINGS[path])
    expect(page).to_have_title(f"{HEADINGS[path]} - MLflow Studio")
    assert page.evaluate("document.documentElement.lang") == "en"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "path",
    [
        *("/", "/data/new", "/jobs", "/jobs/new", "/jobs/new?mode=file", "/compute/local"),
        *("/environments/new", "/automl", "/about", "/nothing"),
        *("/data/new?source=query", "/datastores", "/datastores/new"),
    ],
)
def test_texts_can_be_read_and_controls_have_names(open_page, path, scheme):
    page = open_page(path, color_scheme=scheme)
    page.get_by_role("heading", level=1).wait_for()
    assert page.evaluate(f"{CHECKS}; faint()") == []
    assert page.evaluate(f"{CHECKS}; unnamed()") == []


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/data/new",
        "/jobs",
        "/jobs/new",
        "/compute",
        "/environments/new",
        "/about",
        "/datastores/new",
    ],
)
def test_a_narrow_window_does_not_scroll_sideways(open_page, path):
    page = open_page(path, viewport={"width": 390, "height": 844})
    page.get_by_role("heading", level=1).wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_navigation_of_a_narrow_window_opens_and_closes(open_page):
    page = open_page("/", viewport={"width": 390, "height": 844})
    jobs = page.get_by_role("navigation").get_by_role("link", name="Jobs")
    expect(jobs).not_to_be_in_viewport()
    page.get_by_role("button", name="Navigation").click()
    expect(jobs).to_be_in_viewport()
    jobs.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")
    expect(jobs).not_to_be_in_viewport()


def test_the_system_decides_on_light_or_dark_until_the_user_does(open_page):
    page = open_page("/", color_scheme="dark")
    root = page.locator("html")
    page.get_by_role("heading", level=1).wait_for()
    expect(root).to_have_attribute("data-mantine-color-scheme", "dark")
    page.get_by_role("button", name="Light or dark").click()
    expect(root).to_have_attribute("data-mantine-color-scheme", "light")
    page.reload()
    page.get_by_role("heading", level=1).wait_for()
    expect(root).to_have_attribute("data-mantine-color-scheme", "light")


def test_the_keyboard_reaches_the_content_first(open_page):
    page = open_page("/jobs")
    page.get_by_role("heading", level=1).wait_for()
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#studio-main")).to_be_focused()


def test_pages_change_without_loading_anew(open_page):
    page = open_page("/")
    page.evaluate("window.stays = true")
    for name in ("Data", "Jobs", "Models", "Endpoints"):
        page.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Models")
    assert page.evaluate("window.stays") is True


def test_the_studio_and_mlflows_own_page_lead_to_each_other(open_page, server):
    page = open_page("/")
    page.get_by_role("link", name="MLflow UI").click()
    page.wait_for_url(re.compile(rf"{server.uri}/#?/?"))
    link = page.locator("#mlflow-studio-link")
    expect(link).to_have_text("Studio")
    link.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Home")
