"""Jobs in the browser: the log that is searched, charts, and jobs beside one another."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from mlflow_plugins.core import connect
from mlflow_plugins.jobs import get_job, submit


@pytest.fixture(scope="module")
def finished(server, agent, tmp_path_factory):
    """Two jobs that have ended, with a history of one metric each."""
    import time

    client = connect(server.uri)
    jobs = []
    for rate in ("0.1", "0.3"):
        lines = " ".join(f"epoch-{number}" for number in range(60))
        document = {"command": f"printf '%s\\n' {lines}", "display_name": f"rate {rate}"}
        job = submit(client, document, base_folder=Path.cwd())
        client.log_param(job.run_id, "rate", rate)
        for step in range(4):
            client.log_metric(job.run_id, "loss", float(rate) / (1 + step), step=step)
        jobs.append(job)
    deadline = time.monotonic() + 120
    while not all(get_job(client, job.run_id).status.is_final for job in jobs):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    return jobs


def test_a_log_is_searched_and_enter_goes_to_the_next_place(open_page, finished):
    page = open_page(f"/jobs/{finished[0].run_id}")
    expect(page.get_by_role("log")).to_contain_text("epoch-59")
    search = page.get_by_label("Search in the log")
    search.fill("epoch-1")
    expect(page.get_by_text("1 of 11")).to_be_visible()
    search.press("Enter")
    expect(page.get_by_text("2 of 11")).to_be_visible()
    search.fill("EPOCH-42")
    expect(page.get_by_text(re.compile("of 1$"))).to_be_visible()
    assert page.evaluate("CSS.highlights.get('studio-found').size") == 1
    search.fill("nothing of this kind")
    expect(page.get_by_text("not found")).to_be_visible()


def test_metrics_are_drawn_and_tabs_have_addresses(open_page, finished):
    page = open_page(f"/jobs/{finished[0].run_id}")
    tabs = page.get_by_role("navigation", name="Parts of the job")
    tabs.get_by_role("link", name="Metrics").click()
    expect(page).to_have_url(re.compile(r"\?tab=metrics$"))
    chart = page.get_by_label("Chart of loss")
    expect(chart.locator(".scatterlayer .point")).to_have_count(4)
    tabs.get_by_role("link", name="Definition").click()
    expect(page.get_by_text("command: printf")).to_be_visible()


def test_a_job_is_found_by_its_name_and_submitted_again(open_page, finished):
    page = open_page("/jobs")
    page.get_by_label("Search by name").fill("RATE 0.3")
    expect(page).to_have_url(re.compile("text=RATE"))
    expect(page.get_by_role("link", name="rate 0.1")).to_have_count(0)
    page.get_by_role("link", name="rate 0.3").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("rate 0.3")
    page.get_by_role("button", name="Clone").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("the clone")
    dialog.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("the clone")
    expect(page.get_by_text("Completed", exact=True)).to_be_visible(timeout=120_000)
    expect(page.get_by_role("log")).to_contain_text("epoch-59")


def test_a_compute_is_made_stopped_and_deleted(open_page, agent):
    page = open_page("/compute")
    expect(page.get_by_role("region", name="Machines")).to_be_visible()
    page.get_by_role("button", name="New compute").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Name").fill("cpu-cluster")
    dialog.get_by_label("Most instances at a time").fill("2")
    dialog.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("cpu-cluster")
    expect(page.get_by_role("definition").filter(has_text="0 of 2")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped", exact=True)).to_be_visible()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("Idle", exact=True)).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Compute")


def test_jobs_are_chosen_compared_and_narrowed_down(open_page, finished):
    page = open_page(f"/jobs/{finished[0].run_id}")
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Compare jobs")
    page.get_by_role("textbox", name="Jobs").click()
    page.get_by_role("option", name=re.compile("^rate 0.3")).click()
    page.keyboard.press("Escape")
    chart = page.get_by_label("Parameters and metrics of the jobs")
    expect(chart.locator("path.line")).to_have_count(2)
    chart.scroll_into_view_if_needed()
    axis = chart.locator("rect.handle").first.bounding_box()
    assert axis is not None
    middle = axis["x"] + axis["width"] / 2
    page.mouse.move(middle, axis["y"] + 2)
    page.mouse.down()
    page.mouse.move(middle, axis["y"] + axis["height"] / 3)
    page.mouse.up()
    expect(chart.locator("path.line.faded")).to_have_count(1)
    page.mouse.click(middle, axis["y"] + axis["height"] / 2)
    expect(chart.locator("path.line.faded")).to_have_count(0)
    expect(page.get_by_label("Chart of loss").locator(".scatterlayer .trace")).to_have_count(2)
