"""A file is sent while its server is killed and started again: nobody has to do anything."""

import hashlib
import os
from pathlib import Path

import mlflow
from playwright.sync_api import Browser, Route, expect

from mlflow_plugins.core import AssetStore
from mlflow_plugins.core.processes import free_port, stop_tree
from mlflow_plugins.testing import servers

MIB = 1 << 20


def test_a_file_is_sent_through_a_restart_of_the_server(browser: Browser, tmp_path: Path):
    content = os.urandom(7 * MIB)
    port, database = free_port(), None
    options = {
        "app_name": "studio",
        "port": port,
        "environment": {"MLFLOW_STUDIO_UPLOAD_FOLDER": str(tmp_path / "uploads")},
    }
    page = browser.new_page()
    page.set_default_timeout(90_000)
    with servers.tracking_server(tmp_path / "site", **options) as server:
        database = server.database_uri
        page.goto(f"{server.uri}/studio/data/new")
        page.get_by_label("Choose files").wait_for()
        sent = []

        def kill_at_the_third(route: Route) -> None:
            sent.append(route.request.url)
            if len(sent) == 3:
                stop_tree(server.pid, grace_seconds=0)
            route.continue_()

        page.route("**/_upload/*?*", kill_at_the_third)
        file = {"name": "noise.bin", "mimeType": "application/octet-stream", "buffer": content}
        page.get_by_label("Choose files").set_input_files(file)
        status = page.locator(".studio-upload").get_by_role("status")
        expect(status).to_contain_text("Waiting for the server at 3.0 MiB of 7.0 MiB")
    page.unroute("**/_upload/*?*")
    with servers.tracking_server(tmp_path / "site", database_uri=database, **options) as server:
        page.get_by_label("Name of the data asset").fill("noise")
        page.get_by_role("button", name="Create").click()
        expect(page.get_by_role("heading", level=1, name="noise")).to_be_visible()
        store = AssetStore(mlflow.MlflowClient(server.uri))
        digest = store.get("data", "noise").spec["digest"]
    page.close()
    assert digest == hashlib.sha256(content).hexdigest()
