"""New data in a real browser: sending, being interrupted, how it is read, what it becomes."""

import io
import os
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Page, Route, expect

MIB = 1 << 20
CHECKS = Path(__file__).with_name("readability.js").read_text(encoding="utf-8")
LATIN = "stadt;einwohner\nKöln;1085664\nbroken\nMünchen;1512491\nzu;viele;werte\n".encode("latin-1")


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    page = open_page("/data/new")
    page.get_by_role("heading", name="New data").wait_for()
    return page


def bomb() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.csv", bytes(64 * MIB))
    return buffer.getvalue()


def send(page: Page, content: bytes, *, file: str = "table.csv") -> None:
    page.get_by_label("Choose files").set_input_files(
        {"name": file, "mimeType": "application/octet-stream", "buffer": content}
    )


def create(page: Page, name: str) -> None:
    page.get_by_label("Name of the data asset").fill(name)
    page.get_by_role("button", name="Create").click()


def test_a_table_becomes_an_asset(page, people):
    name = f"people-{uuid.uuid4().hex[:6]}"
    page.get_by_label("Choose files").set_input_files(people)
    expect(page.get_by_label("Name of the data asset")).to_have_value("people")
    expect(page.get_by_text("300 rows")).to_be_visible()
    expect(page.get_by_role("gridcell", name="female").first).to_be_visible()
    create(page, name)
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    page.get_by_role("link", name="Start AutoML").click()
    expect(page.get_by_role("textbox", name="Data asset")).to_have_value(name)
    expect(page.get_by_role("textbox", name="Target")).to_have_value("income")


def test_semicolons_latin_1_and_lines_that_are_no_rows(page):
    send(page, LATIN, file="städte 2024.csv")
    expect(page.get_by_label("Name of the data asset")).to_have_value("stadte-2024")
    expect(page.get_by_role("definition").filter(has_text="cp1252")).to_be_visible()
    expect(page.get_by_text("2 lines are no rows")).to_be_visible()
    expect(page.get_by_role("cell", name="broken")).to_be_visible()
    expect(page.get_by_role("gridcell", name="Köln").first).to_be_visible()
    name = f"cities-{uuid.uuid4().hex[:6]}"
    create(page, name)
    expect(page.get_by_text("It was not created")).to_be_visible()
    expect(page.get_by_role("alert").filter(has_text="line 3")).to_be_visible()
    page.get_by_role("textbox", name="Lines that are no rows").click()
    page.get_by_role("option", name="keep them aside").click()
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    page.get_by_role("link", name="New version").click()
    send(page, b"stadt,flaeche\nBonn,141.1\n")
    title = page.get_by_role("alert").filter(has_text=f"{name} exists")
    expect(title).to_contain_text("Added: flaeche (number)")
    expect(title).to_contain_text("Removed: einwohner (integer)")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_the_step_between_can_be_read_on_any_screen(open_page, scheme, width):
    viewport = {"width": width, "height": 900}
    page = open_page("/data/new", color_scheme=scheme, viewport=viewport)
    send(page, LATIN)
    expect(page.get_by_role("gridcell", name="Köln").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(f"{CHECKS}; faint()") == []
    assert page.evaluate(f"{CHECKS}; unnamed()") == []


def test_settings_and_types_are_the_users_choice(page):
    send(page, b"id|name\n7|a;b\n8|c;d\n")
    columns = page.get_by_role("region", name="Columns")
    expect(columns.get_by_role("row", name="id integer 7")).to_be_visible()
    columns.get_by_role("gridcell", name="integer").click()
    columns.get_by_role("combobox").click()
    page.get_by_role("option", name="text").click()
    expect(columns.get_by_role("row", name="id text 7")).to_be_visible()
    page.get_by_role("textbox", name="Separator").click()
    page.get_by_role("option", name="semicolon").click()
    expect(page.get_by_text("has no column 'id', whose type is chosen")).to_be_visible()


def test_a_folder_can_be_dropped_in_part_and_files_keep_their_names(page):
    page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.items.add(new File(["1"], "a.bin"));
          data.items.add(new File(["22"], "b.bin"));
          document.querySelector(".studio-upload").dispatchEvent(
            new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
        }"""
    )
    expect(page.get_by_role("textbox", name="Type")).to_have_value("uri_folder: files as they are")
    expect(page.get_by_role("cell", name="b.bin")).to_be_visible()
    name = f"files-{uuid.uuid4().hex[:6]}"
    create(page, name)
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def test_a_folder_is_chosen_with_its_paths(page, tmp_path):
    (tmp_path / "photos" / "2024").mkdir(parents=True)
    (tmp_path / "photos" / "2024" / "a.png").write_bytes(b"1")
    (tmp_path / "photos" / "b.png").write_bytes(b"22")
    page.get_by_label("Choose a folder").set_input_files(tmp_path / "photos")
    expect(page.get_by_role("cell", name="2024/a.png")).to_be_visible()
    expect(page.get_by_label("Name of the data asset")).to_have_value("photos")
    expect(page.get_by_role("textbox", name="Type")).to_have_value("uri_folder: files as they are")


def test_a_sheet_of_a_workbook_is_chosen(page, tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["a"])
    book.active.append([1])
    other = book.create_sheet("Other")
    other.append(["word"])
    other.append(["hello"])
    book.save(tmp_path / "book.xlsx")
    page.get_by_label("Choose files").set_input_files(tmp_path / "book.xlsx")
    expect(page.get_by_role("textbox", name="Sheet", exact=True)).to_have_value("Sheet")
    page.get_by_role("textbox", name="Sheet", exact=True).click()
    page.get_by_role("option", name="Other").click()
    expect(page.get_by_role("gridcell", name="hello").first).to_be_visible()
    name = f"book-{uuid.uuid4().hex[:6]}"
    create(page, name)
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


@pytest.mark.parametrize(
    ("content", "file", "message"),
    [
        (b"a,b\n1,2\n3\n", "broken.csv", "1 values where the header has 2 columns"),
        (b"", "empty.csv", "is empty"),
        (b"a,b\n", "headless.csv", "but no rows"),
        (b"PK\x03\x04nonsense", "archive.zip", "is not a ZIP file"),
        (bomb(), "bomb.zip", "times its size"),
        (b"a,b\n\xff\xfe\x00\x01,2\n", "noise.csv", "is not a text file"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_reason(page, content, file, message):
    send(page, content, file=file)
    create(page, "refused")
    expect(page.get_by_role("alert").filter(has_text=message).first).to_be_visible()
    expect(page.get_by_role("button", name="Create")).to_be_enabled()


def test_a_table_of_ten_thousand_columns_can_be_looked_at(page):
    row = ",".join("1" for _ in range(10_000))
    header = ",".join(f"c{n}" for n in range(10_000))
    send(page, f"{header}\n{row}\n".encode())
    expect(page.get_by_text("200 of 10,000 columns; all are stored")).to_be_visible()


def test_an_encoding_that_the_file_has_not_is_named(page):
    send(page, "город,число\nМосква,1\nКазань,2\n".encode("cp1251"))  # noqa: RUF001
    expect(page.get_by_role("definition").filter(has_text="cp1251")).to_be_visible()
    page.get_by_role("textbox", name="Encoding").click()
    page.get_by_role("option", name="utf-8", exact=True).click()
    alert = page.get_by_role("alert").filter(has_text="is not text in the encoding 'utf-8'")
    expect(alert).to_contain_text("Choose another encoding, or let it be found out.")


def test_a_name_that_breaks_a_rule_is_refused(page):
    send(page, b"a\n1\n")
    create(page, "../etc")
    expect(page.get_by_role("alert").filter(has_text="cannot be used as name")).to_be_visible()


def test_more_than_the_limit_is_refused_before_it_is_sent(page):
    send(page, b"x" * (33 * MIB))
    alert = page.locator(".studio-upload").get_by_role("alert")
    expect(alert).to_contain_text("There are 33 MiB; the studio takes at most 32 MiB")


def test_sending_waits_for_a_connection_pauses_and_goes_on(page):
    """The pieces after the first two find no server; later they do."""
    state = {"n": 0, "is_down": False}

    def pieces(route: Route) -> None:
        if route.request.method == "PUT":
            state["n"] += 1
            state["is_down"] = state["is_down"] or state["n"] == 3
        if state["is_down"]:
            route.abort("connectionrefused")
        else:
            route.continue_()

    page.route("**/_upload/**", pieces)
    send(page, os.urandom(8 * MIB), file="noise.bin")
    box = page.locator(".studio-upload")
    expect(box.get_by_role("status")).to_contain_text("Waiting for the server at 3.0 MiB of 8.0")
    box.get_by_role("button", name="Pause").click()
    expect(box.get_by_role("status")).to_contain_text("Paused at 3.0 MiB of 8.0 MiB")
    state["is_down"] = False
    state["n"] = 3
    box.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("heading", name="What is stored")).to_be_visible()
    expect(page.get_by_role("cell", name="8.0 MiB")).to_be_visible()


def test_a_reloaded_page_goes_on_when_the_same_file_is_chosen(page, tmp_path):
    """Not from the beginning: the first piece that is sent then is not the file's first."""
    path = tmp_path / "noise.bin"
    path.write_bytes(os.urandom(6 * MIB))
    offsets: list[str] = []

    def cut(route: Route) -> None:
        if route.request.method == "PUT" and len(offsets) >= 2:
            route.abort("connectionrefused")
            return
        if route.request.method == "PUT":
            offsets.append(route.request.url)
        route.continue_()

    page.route("**/_upload/**", cut)
    page.get_by_label("Choose files").set_input_files(path)
    expect(page.locator(".studio-upload").get_by_role("status")).to_contain_text("Waiting")
    page.unroute("**/_upload/**")
    later: list[str] = []
    page.on("request", lambda one: later.append(one.url) if one.method == "PUT" else None)
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    note = page.get_by_text("The upload of noise.bin (6.0 MiB) was interrupted")
    expect(note).to_be_visible()
    page.get_by_label("Choose files").set_input_files(path)
    expect(page.get_by_role("heading", name="What is stored")).to_be_visible()
    assert all("offset=0&" not in url for url in later), later
    assert "offset=3145728&" in later[0]


def test_an_upload_can_be_cancelled(page):
    page.route("**/_upload/*?*", lambda route: route.abort("connectionrefused"))
    send(page, b"x" * MIB, file="noise.bin")
    box = page.locator(".studio-upload")
    expect(box.get_by_role("status")).to_contain_text("Waiting")
    box.get_by_role("button", name="Cancel").click()
    expect(page.get_by_label("Choose files")).to_be_visible()
    expect(page.get_by_text("was interrupted")).to_have_count(0)
