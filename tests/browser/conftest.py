"""A real Chromium before a real server with two processes, and an agent."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    expect,
    sync_playwright,
)

from mlflow_plugins.core.processes import stop_tree, thread_limits
from mlflow_plugins.testing import servers

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
PATIENCE_MS = 60_000

expect.set_options(timeout=PATIENCE_MS / 2)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.TrackingServer]:
    folder = tmp_path_factory.mktemp("studio")
    environment = {
        "MLFLOW_STUDIO_UPLOAD_MIB": "32",
        "MLFLOW_STUDIO_UPLOAD_FOLDER": str(folder / "uploads"),
        "MLFLOW_STUDIO_SERVER_FOLDERS": str(folder / "shared"),
    }
    with servers.tracking_server(
        folder, app_name="studio", n_workers=2, environment=environment
    ) as server:
        yield server


@pytest.fixture(scope="session")
def agent(server: servers.TrackingServer) -> Iterator[None]:
    log = server.folder / "agent.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "mlflow_plugins.cli", "agent"),
                *("--folder", str(server.folder / "agent"), "--tracking-uri", server.uri),
            ],
            env={**os.environ, **thread_limits(1)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    yield
    stop_tree(process.pid, grace_seconds=30)
    process.wait()


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Playwright for one module: its event loop runs in the main thread until it is stopped."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
    yield browser
    browser.close()


@dataclass
class Watch:
    """What a page did that it should not have done."""

    home: str
    complaints: list[str] = field(default_factory=list)

    def on_console(self, message: ConsoleMessage) -> None:
        is_refusal = "Failed to load resource" in message.text  # a test's own 400, seen elsewhere
        if message.type in ("error", "warning") and not is_refusal:
            self.complaints.append(f"{message.type}: {message.text}")

    def on_request(self, request: Request) -> None:
        if not request.url.startswith((self.home, "data:", "blob:")):
            self.complaints.append(f"request to {request.url}")

    def follow(self, page: Page) -> None:
        page.on("console", self.on_console)
        page.on("pageerror", lambda error: self.complaints.append(f"exception: {error}"))
        page.on("request", self.on_request)


@pytest.fixture
def open_page(server: servers.TrackingServer, browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens an address of the studio; a complaint of the browser fails the test."""
    watch, contexts = Watch(server.uri), []

    def open_one(path: str, **options: object) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        watch.follow(page)
        page.goto(f"{server.uri}/studio{path}")
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert watch.complaints == []


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table with something to learn."""
    rng = np.random.default_rng(0)
    n = 300
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "sex": rng.choice(["female", "male"], n),
            "hours": rng.normal(40, 10, n).round(1),
        }
    )
    is_high = 0.05 * (frame.age - 45) + 0.1 * (frame.hours - 40) + rng.normal(0, 0.4, n) > 0
    frame["income"] = np.where(is_high, "high", "low")
    path = tmp_path_factory.mktemp("tables") / "people.csv"
    frame.to_csv(path, index=False)
    return path
