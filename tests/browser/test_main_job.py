"""The main job in the browser: a table, a search, an evaluation, an endpoint, an answer."""

import re

import pytest
from playwright.sync_api import Page, expect

SEARCH_MS = 240_000


@pytest.mark.timeout(900)
def test_from_a_table_to_an_answer(open_page, agent, people):
    page = open_page("/")
    page.get_by_role("link", name="Upload data").click()
    page.set_input_files("input[type=file] >> nth=0", people)
    page.get_by_label("Name of the data asset").fill("main-job")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("main-job")

    _search(page)
    _evaluate(page)
    _deploy(page)
    _call(page)
    _look_at_home(page)
    _delete(page)


def _search(page: Page) -> None:
    page.get_by_role("link", name="Start AutoML").click()
    page.get_by_label("Time budget in minutes").fill("0.4")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("income in main-job")
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    expect(page.get_by_role("log")).to_contain_text("300 rows", timeout=SEARCH_MS)
    expect(page.get_by_role("button", name="Register")).to_be_visible(timeout=SEARCH_MS)
    expect(page.get_by_text("Completed").first).to_be_visible()
    leaderboard = page.get_by_role("region", name="Leaderboard")
    expect(leaderboard.get_by_role("gridcell", name="complete").first).to_be_visible()
    expect(page.get_by_role("heading", name="Guardrails")).to_be_visible()


def _evaluate(page: Page) -> None:
    page.get_by_role("button", name="Register").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name of the registered model").fill("income-model")
    dialog.get_by_role("button", name="Register").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("income-model")
    expect(page.get_by_text("Not evaluated yet.")).to_be_visible()
    page.get_by_role("link", name="Evaluate").click()
    page.get_by_role("textbox", name="Sensitive columns").click()
    page.get_by_role("option", name="sex").click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("heading", name="By sex")).to_be_visible(timeout=SEARCH_MS)
    expect(page.get_by_role("heading", name="What the model relies on")).to_be_visible()
    report = page.frame_locator("iframe[title='Evaluation report']")
    expect(report.get_by_role("heading", name="Responsible AI evaluation")).to_be_visible()
    expect(page.get_by_role("log")).to_contain_text("artifacts rai/report.html")


def _deploy(page: Page) -> None:
    page.get_by_role("navigation").get_by_role("link", name="Models").click()
    page.get_by_role("link", name="income-model").click()
    expect(page.get_by_text("demographic parity difference by sex")).to_be_visible()
    page.get_by_role("link", name="Deploy").click()
    page.get_by_role("textbox", name="Name").fill("income-endpoint")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_text("Copy the key now")).to_be_visible()
    page.get_by_role("link", name="Open the endpoint").click()
    expect(page.get_by_text("Running", exact=True)).to_be_visible(timeout=SEARCH_MS)


def _call(page: Page) -> None:
    request = page.get_by_role("textbox", name="Request")
    expect(request).to_have_value(re.compile('"age"'))
    page.get_by_role("button", name="Send").click()
    answer = page.locator(".studio-result .studio-code")
    expect(answer).to_contain_text(re.compile(r"Answer after \d+ ms"))
    expect(answer).to_contain_text(re.compile('"predictions": .*("high"|"low")', re.DOTALL))
    request.fill('{"dataframe_records": [{"age": 30}')
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_contain_text("The request is not JSON (line 1, column")
    page.get_by_role("button", name="New key").click()
    expect(page.get_by_text("Copy the key now")).to_be_visible()
    expect(page.get_by_role("button", name="Revoke")).to_have_count(2)
    expect(
        page.get_by_text(re.compile(r"^curl http://127\.0\.0\.1:\d+/invocations"))
    ).to_be_visible()


def _look_at_home(page: Page) -> None:
    page.get_by_role("navigation").get_by_role("link", name="Home").click()
    for heading, name in (
        ("Recent jobs", "income in main-job"),
        ("Models", "income-model"),
        ("Endpoints", "income-endpoint"),
    ):
        card = page.locator(".studio-card").filter(has=page.get_by_role("heading", name=heading))
        expect(card.get_by_role("link", name=name).first).to_be_visible()
    page.get_by_role("link", name="Evaluation of income-model").click()
    expect(page.get_by_role("heading", name="About")).to_be_visible()
    expect(page.get_by_text("Completed", exact=True)).to_be_visible()


def _delete(page: Page) -> None:
    page.get_by_role("navigation").get_by_role("link", name="Endpoints").click()
    page.get_by_role("link", name="income-endpoint").click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Endpoints")
    expect(page.get_by_text("No endpoint yet")).to_be_visible()


def test_a_job_can_be_cancelled(open_page, agent, server, unique_name):
    from pathlib import Path

    from mlflow_plugins.core import connect
    from mlflow_plugins.jobs import submit

    document = {"command": "echo hello; sleep 600", "display_name": unique_name}
    job = submit(connect(server.uri), document, base_folder=Path.cwd())
    page = open_page(f"/jobs/{job.run_id}")
    expect(page.get_by_role("heading", level=1)).to_have_text(unique_name)
    expect(page.get_by_role("log")).to_contain_text("hello")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("The job was asked to stop.")).to_be_visible()
    expect(page.get_by_text("Canceled", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
