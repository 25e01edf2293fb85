"""The door for pages: what comes in, and what happens when something breaks on the way."""

import json
import logging
import re
from pathlib import Path

import pytest
from dash import Input, Output, html

from mlflow_plugins.core import InvalidInput, NotAllowed


def greeting(studio):
    """A page as somebody else would write it."""

    def layout(name="you", punctuation="."):
        return studio.ui.page(f"Hello {name}{punctuation}", html.P(id="there"))

    studio.add_page("/hello/<name>", layout, title="Hello")

    @studio.callback(Output("there", "children"), Input("here", "value"))
    def answer(value):
        if value == "ours":
            raise InvalidInput("That value is not good. Choose another.")
        return 1 / value


def call(place, value):
    return place.http.post(
        "/studio/_dash-update-component",
        json={
            "output": "there.children",
            "outputs": {"id": "there", "property": "children"},
            "inputs": [{"id": "here", "property": "value", "value": value}],
            "changedPropIds": ["here.value"],
        },
    )


def test_a_page_gets_the_values_of_its_path_and_the_query_that_it_knows(make_place):
    place = make_place(greeting)
    assert "Hello Ann." in place.open("/hello/Ann")
    assert "Hello Ann B!" in place.open("/hello/Ann%20B", "?punctuation=!&other=1")
    assert "Hello Ann." in place.open("/hello/Ann", "?name=Eve")
    assert place.route("/hello/Ann")["studio-title"]["data"] == "Hello"


def test_a_page_that_fails_to_register_leaves_nothing_and_breaks_nothing(make_place, caplog):
    def broken(studio):
        studio.add_page("/broken", lambda: "never", title="Broken", icon="home")
        studio.callback(Output("x", "children"), Input("y", "value"))(lambda value: value)
        studio.answer("broken", dict)
        raise RuntimeError("no luck")

    with caplog.at_level(logging.ERROR):
        place = make_place(broken, greeting)
    assert "no luck" in caplog.text
    assert [(one.name, one.error) for one in place.studio.plugins] == [
        ("page-0", "RuntimeError: no luck"),
        ("page-1", ""),
    ]
    assert "Hello Ann" in place.open("/hello/Ann")
    assert "The studio has no page '/broken'" in place.open("/broken")
    assert "RuntimeError: no luck" in place.open("/about")
    assert "x.children" not in place.http.get("/studio/_dash-dependencies").text
    assert place.http.post("/studio/_call/broken", json={}).status_code == 404


def test_a_page_cannot_take_the_place_of_another(make_place):
    place = make_place(greeting, lambda studio: studio.add_page("/hello/<name>", str, title="Mine"))
    assert "There is a page '/hello/<name>' already" in place.studio.plugins[1].error
    assert "Hello Ann" in place.open("/hello/Ann")


def test_a_page_with_variables_cannot_be_in_the_navigation(make_place):
    def register(studio):
        studio.add_page("/a/<b>", str, title="A", icon="home")

    place = make_place(register)
    assert "Leave the icon out" in place.studio.plugins[0].error
    assert place.http.get("/studio/_dash-layout").status_code == 200


def test_a_fixed_path_comes_before_a_pattern(make_place):
    place = make_place(
        greeting, lambda studio: studio.add_page("/hello/new", lambda: "fixed", title="New")
    )
    assert "fixed" in place.open("/hello/new")


def test_our_own_error_in_a_callback_is_shown_word_for_word(make_place):
    answer = call(make_place(greeting), "ours").json
    notice = answer["sideUpdate"]["studio-notices"]["sendNotifications"][0]
    assert notice["message"] == "That value is not good. Choose another."
    assert notice["color"] == "red"


def test_an_unexpected_error_is_shown_as_a_number_that_the_log_has(make_place, caplog):
    place = make_place(greeting)
    with caplog.at_level(logging.ERROR):
        answer = call(place, 0).json
    message = answer["sideUpdate"]["studio-notices"]["sendNotifications"][0]["message"]
    number = re.search(r"under the number (\w{8})", message)[1]
    assert f"Unexpected error {number}" in caplog.text
    assert "ZeroDivisionError" in caplog.text
    assert "ZeroDivisionError" not in json.dumps(answer)


@pytest.mark.parametrize(
    ("error", "title"),
    [
        (NotAllowed("ann may not see it."), "You may not do this"),
        (InvalidInput("It is wrong."), "That did not work"),
        (ValueError("secret detail"), "Something went wrong"),
    ],
)
def test_an_error_in_a_layout_is_a_page(make_place, error, title):
    def register(studio):
        def layout():
            raise error

        studio.add_page("/bad", layout, title="Bad")

    answer = make_place(register).open("/bad")
    assert title in answer
    assert "secret detail" not in answer


# ---------------------------------------------------------------- questions of a page's script


def asked(studio):
    def double(number, times=2):
        if number is None:
            raise NotAllowed("ann may not see it.")
        return {"found": times * number}

    studio.answer("double", double)


def test_a_script_asks_and_is_answered(make_place):
    place = make_place(asked, static_prefix="/ml")
    address = f"{place.studio.call_link()}double"
    assert address == "/ml/studio/_call/double"
    assert place.http.post(address, json={"number": 21}).json == {"found": 42}
    assert place.http.post(address, json={"number": 1, "times": 9}).json == {"found": 9}
    refused = place.http.post(address, json={"number": None})
    assert refused.status_code == 403
    assert refused.json == {"title": "You may not do this", "message": "ann may not see it."}
    assert (
        "required argument: 'number'"
        in place.http.post(address, json={"numbers": 1}).json["message"]
    )


def test_an_unexpected_error_in_an_answer_is_a_number_that_the_log_has(make_place, caplog):
    place = make_place(asked)
    with caplog.at_level(logging.ERROR):
        answer = place.http.post("/studio/_call/double", json={"number": {}})
    assert answer.status_code == 500
    assert re.search(r"under the number (\w{8})", answer.json["message"])[1] in caplog.text
    assert "TypeError" not in answer.text


def test_a_question_has_one_answer(make_place):
    place = make_place(asked, asked)
    assert "There is an answer 'double' already" in place.studio.plugins[1].error


# ---------------------------------------------------------------- live sections and actions


def ticking(studio):
    section = studio.live("ticking", lambda step: steps[step])
    steps = {"going": "still going", "done": studio.Final("all done"), "bad": None}
    studio.add_page("/tick/<step>", lambda step: section(step=step), title="Tick")


def test_a_section_comes_with_its_content_and_stops_asking_at_the_end(make_place):
    place = make_place(ticking)
    going, done = place.open("/tick/going"), place.open("/tick/done")
    assert "still going" in going
    assert '"disabled": false' in going
    assert "all done" in done
    assert '"disabled": true' in done


def test_a_section_that_fails_does_not_take_the_page_with_it(make_place, caplog):
    def register(studio):
        section = studio.live("failing", lambda: 1 / 0)
        studio.add_page("/", lambda: html.Div([section(), "the rest"]), title="Page")

    answer = make_place(register).open("/")
    assert "Something went wrong" in answer
    assert "the rest" in answer


def test_the_page_of_the_documentation_works(make_place):
    text = (Path(__file__).parents[3] / "docs" / "studio.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(def register.*?)```", text, re.DOTALL)[1]
    namespace = {}
    exec(code, namespace)  # noqa: S102
    place = make_place(namespace["register"])
    place.studio.client().create_run("0", run_name="the-newest")
    assert "the-newest" in place.open("/greeting")
    assert "/studio/greeting" in json.dumps(place.http.get("/studio/_dash-layout").json)


def test_the_documentation_names_what_a_page_may_use(make_place):
    text = (Path(__file__).parents[3] / "docs" / "studio.md").read_text(encoding="utf-8")
    for_the_application = {"pages", "find_page", "load", "plugins", "access", "settings"}
    for_the_application.add("handlers")
    studio = make_place().studio
    offered = {name for name in dir(studio) if not name.startswith("_")} - for_the_application
    assert {name for name in offered if not re.search(rf"\b{name}\b", text)} == set()
