"""What is written in the browser: job files, forms with code, environments."""

import re
import zipfile

import pytest
from playwright.sync_api import expect

from mlflow_plugins.core import connect
from mlflow_plugins.jobs import submit
from mlflow_plugins.jobs._children import submit_child
from mlflow_plugins.jobs._queue import JobQueue


@pytest.fixture
def sweep(server, tmp_path):
    """A job with a trial, neither of which any agent runs."""
    client = connect(server.uri)
    nowhere = {"compute": "azureml:local", "command": "true"}
    document = {**nowhere, "coordinator": True, "display_name": "search for trees"}
    job = submit(client, document, base_folder=tmp_path)
    record = JobQueue(client).get(job.record_id)
    submit_child(client, record, "0", {**nowhere, "display_name": "try 0"})
    return job


def test_a_job_file_is_pasted_looked_at_and_submitted(open_page, agent):
    page = open_page("/jobs")
    page.get_by_role("link", name="New job").click()
    page.get_by_role("tab", name="File").click()
    editor = page.get_by_label("Job file")
    editor.fill("comand: echo no")
    expect(page.get_by_text("Did you mean 'command'?")).to_be_visible()
    editor.fill(
        "command: echo said ${{inputs.word}}\n"
        "inputs: {word: hello}\n"
        "compute: azureml:gpu-cluster\n"
        "display_name: pasted\n"
    )
    shown = page.get_by_role("status").filter(has_text="What will run")
    expect(shown.get_by_text("Ready", exact=True)).to_be_visible()
    expect(shown.get_by_text("pasted")).to_be_visible()
    expect(page.get_by_text("compute 'azureml:gpu-cluster' (it runs on local)")).to_be_visible()
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("pasted")
    expect(page.get_by_role("log")).to_contain_text("said hello", timeout=120_000)


def test_a_form_with_code_becomes_a_job_that_is_cloned_and_edited(open_page, agent, tmp_path):
    (tmp_path / "train.py").write_text("import sys\nprint('trained with', *sys.argv[1:])\n")
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
        archive.write(tmp_path / "train.py", "src/train.py")
    page = open_page("/jobs/new")
    page.get_by_role("textbox", name="Name").fill("formed")
    page.get_by_label("Command").fill("python train.py ${{inputs.rate}}")
    page.get_by_label("Further inputs").fill("rate: 0.25")
    page.get_by_label("Choose a zip").set_input_files(tmp_path / "code.zip")
    expect(page.get_by_text("1 file, 48 bytes")).to_be_visible()
    page.get_by_role("button", name="Go on with this file").click()
    expect(page.get_by_label("Job file")).to_have_value(re.compile("rate: 0.25"))
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("formed")
    expect(page.get_by_role("log")).to_contain_text("trained with 0.25", timeout=120_000)
    page.get_by_role("button", name="Clone").click()
    page.get_by_role("link", name="edit it as a file").click()
    editor = page.get_by_label("Job file")
    expect(editor).to_have_value(re.compile("code: runs:/"))
    editor.fill(editor.input_value().replace("rate: 0.25", "rate: 0.5"))
    expect(page.get_by_text("that of the job")).to_be_visible()
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("log")).to_contain_text("trained with 0.5", timeout=120_000)


def test_trials_are_shown_by_a_switch_that_the_address_keeps(open_page, sweep):
    page = open_page("/jobs?text=tr")
    expect(page.get_by_role("link", name="search for trees")).to_be_visible()
    expect(page.get_by_role("link", name="try 0")).to_have_count(0)
    page.get_by_role("switch", name="Show trials").check()
    expect(page).to_have_url(re.compile("trials=1"))
    expect(page).to_have_url(re.compile("text=tr"))
    expect(page.get_by_role("link", name="try 0")).to_be_visible()
    page.reload()
    expect(page.get_by_role("link", name="try 0")).to_be_visible()
    page.get_by_role("switch", name="Show trials").uncheck()
    expect(page.get_by_role("link", name="try 0")).to_have_count(0)


def test_an_environment_is_pasted_made_by_a_job_and_archived(open_page, agent, tmp_path):
    file = tmp_path / "conda.yml"
    file.write_text("name: small\ndependencies:\n  - pip\n")
    page = open_page("/environments")
    page.get_by_role("link", name="New environment").click()
    page.get_by_label("Conda file").fill("no such = thing")
    expect(page.get_by_text("is not a requirement")).to_be_visible()
    page.get_by_label("Choose a file").set_input_files(file)
    expect(page.get_by_text("a conda file", exact=True)).to_be_visible()
    page.get_by_role("textbox", name="Name").fill("browser-made")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("browser-made")
    expect(page.get_by_text("Not made yet.")).to_be_visible()
    page.get_by_role("link", name="New job").click()
    page.get_by_label("Command").fill("python -c 'print(6 * 7)'")
    expect(page.get_by_text("browser-made:1", exact=True)).to_be_visible()
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("log")).to_contain_text("42", timeout=120_000)
    page.get_by_role("link", name="browser-made:1").click()
    made = page.get_by_role("region", name="Made on this machine")
    made.get_by_role("link").first.click()
    expect(page.get_by_text("Making the environment browser-made:1")).to_be_visible()
    page.go_back()
    page.get_by_role("button", name="Archive").click()
    page.get_by_role("dialog").get_by_role("button", name="Archive").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Environments")
    names = page.get_by_role("region", name="Environments", exact=True)
    expect(names.get_by_role("link", name="browser-made")).to_have_count(0)
