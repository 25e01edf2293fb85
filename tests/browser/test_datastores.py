"""Datastores in a real browser, and what a table of one becomes: versions, labels, a comparison."""

import sqlite3
import uuid
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect


@pytest.fixture(scope="module")
def shared(server) -> Path:
    """A folder of the server's disk that pages may read: a database and some files."""
    folder = server.folder / "shared"
    (folder / "photos").mkdir(parents=True, exist_ok=True)
    (folder / "photos" / "a.png").write_bytes(b"not really")
    (folder / "table.csv").write_text("a,b\n1,2\n3,4\n")
    with sqlite3.connect(folder / "shop.db") as database:
        database.execute("CREATE TABLE orders (id INTEGER, price REAL, city TEXT)")
        rows = [(n, n * 1.5, "Bonn" if n % 2 else "Ulm") for n in range(300)]
        database.executemany("INSERT INTO orders VALUES (?, ?, ?)", rows)
    return folder


def test_a_database_is_described_tried_browsed_and_imported(open_page, shared):
    page = open_page("/datastores/new?type=sql")
    store, asset = f"shop-{uuid.uuid4().hex[:6]}", f"orders-{uuid.uuid4().hex[:6]}"
    page.get_by_role("textbox", name="Name", exact=True).fill(store)
    page.get_by_role("textbox", name="Url").fill(f"sqlite:///{shared / 'nothing' / 'shop.db'}")
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_role("alert")).to_contain_text("says: unable to open database file")
    page.get_by_role("textbox", name="Password").fill("hunter2-is-secret")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("alert")).to_contain_text("A workspace never keeps secrets")
    expect(page.get_by_role("alert")).not_to_contain_text("hunter2")
    page.get_by_role("textbox", name="Password").fill("")
    page.get_by_role("textbox", name="Url").fill(f"sqlite:///{shared / 'shop.db'}")
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_text("There are 1 tables and views.")).to_be_visible()
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(store)
    page.get_by_role("link", name="Make an asset of this").click()
    query = page.get_by_role("textbox", name="Query")
    expect(query).to_have_value("SELECT * FROM orders")
    query.fill("DROP TABLE orders")
    page.get_by_role("button", name="Fetch and look").click()
    expect(page.get_by_text("It could not be fetched")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("not one that only reads")
    page.go_back()
    queries = ("SELECT * FROM orders WHERE id < 200", "SELECT * FROM orders WHERE id >= 100")
    for version, text in enumerate(queries, 1):
        page.goto(page.url.split("/studio")[0] + f"/studio/data/new?source=query&datastore={store}")
        page.get_by_role("textbox", name="Query").fill(text)
        page.get_by_role("button", name="Fetch and look").click()
        page.get_by_label("Name of the data asset").fill(asset)
        expect(page.get_by_role("gridcell", name="Bonn").first).to_be_visible()
        page.get_by_role("button", name="Create").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(asset)
        expect(page.get_by_text(f"azureml:{asset}:{version}").first).to_be_visible()
    look_at_versions(page, asset)
    page.goto(page.url.split("/studio")[0] + f"/studio/datastores/one/{store}")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Datastores")
    expect(page.get_by_role("link", name=store)).to_have_count(0)


def look_at_versions(page: Page, asset: str) -> None:
    page.get_by_role("link", name="Versions").click()
    page.get_by_label("Label", exact=True).fill("prod")
    page.get_by_role("button", name="Set label").click()
    versions = page.get_by_role("region", name="Versions")
    expect(versions.get_by_text("prod")).to_be_visible()
    page.get_by_role("button", name="Remove").click()
    expect(versions.get_by_text("prod")).to_have_count(0)
    page.get_by_label("Description").fill("What was ordered")
    page.get_by_label("Tags").fill("team=risk")
    page.get_by_role("button", name="Save").click()
    heading = page.locator(".studio-heading")
    expect(heading.get_by_text("What was ordered")).to_be_visible()
    expect(page.get_by_label("Tags")).to_have_value("team=risk")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{asset}: 1 and 2")
    drift = page.get_by_role("region", name="Drift of each column")
    expect(drift.get_by_role("row", name="id").first).to_contain_text("Strong")
    assert page.url.endswith("old=1&new=2")
    page.get_by_role("link", name="Versions").click()
    versions.get_by_role("button", name="Archive").last.click()
    page.get_by_role("dialog").get_by_role("button", name="Archive").click()
    expect(versions.get_by_role("button", name="Restore")).to_be_visible()
    page.get_by_role("link", name="Consume").click()
    expect(page.get_by_text("mlflow.artifacts.download_artifacts")).to_be_visible()


def test_a_folder_is_browsed_and_becomes_assets(open_page, shared):
    page = open_page("/datastores/new?type=local")
    store = f"here-{uuid.uuid4().hex[:6]}"
    page.get_by_role("textbox", name="Name", exact=True).fill(store)
    page.get_by_role("textbox", name="Path").fill("/etc")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("alert")).to_contain_text("lies on the server's own disk at '/etc'")
    page.get_by_role("textbox", name="Path").fill(str(shared))
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(store)
    page.get_by_role("link", name="photos/").click()
    expect(page.get_by_role("cell", name="a.png")).to_be_visible()
    page.get_by_role("link", name="Make an asset of this folder").click()
    page.get_by_role("button", name="Fetch and look").click()
    expect(page.get_by_role("textbox", name="Type")).to_have_value("uri_folder: files as they are")
    name = f"photos-{uuid.uuid4().hex[:6]}"
    page.get_by_label("Name of the data asset").fill(name)
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def test_a_reference_is_kept_and_nothing_is_copied(open_page, shared):
    page = open_page("/data/new?source=reference")
    page.get_by_label("Address").fill("/etc/passwd")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_contain_text("pages read nothing from the server's disk")
    page.get_by_label("Address").fill("http://169.254.169.254/latest/meta-data")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_contain_text("metadata address")
