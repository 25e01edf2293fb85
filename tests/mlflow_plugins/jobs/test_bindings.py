import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.jobs._bindings import check, resolve

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
PLAIN = st.text().filter(lambda text: "${{" not in text and "$[[" not in text)


@given(PLAIN)
def test_a_text_without_expressions_stays_as_it_is(text):
    assert resolve(text, {}, where="command") == text


@given(st.lists(st.tuples(PLAIN.filter(lambda t: not t.endswith("$")), NAMES)), st.data())
def test_expressions_become_their_values(pieces, data):
    values = {f"inputs.{name}": data.draw(st.text()) for _, name in pieces}
    text = "".join(f"{plain}${{{{ inputs.{name} }}}}" for plain, name in pieces)
    expected = "".join(plain + values[f"inputs.{name}"] for plain, name in pieces)
    assert resolve(text, values, where="command") == expected


def test_a_value_is_not_read_again():
    values = {"inputs.a": "${{inputs.b}} $[[x]]", "inputs.b": "secret"}
    assert resolve("echo ${{inputs.a}}", values, where="command") == "echo ${{inputs.b}} $[[x]]"


@pytest.mark.parametrize(
    ("value", "expected"), [("3", "train --depth 3 now"), (None, "train  now")]
)
def test_an_optional_part_needs_a_value(value, expected):
    text = "train $[[--depth ${{inputs.depth}}]] now"
    assert resolve(text, {"inputs.depth": value}, where="command") == expected


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(InvalidInput, match=r"Did you mean 'inputs\.rate'\?"):
        check("x ${{inputs.raet}}", {"inputs.rate": 1}, where="command")


def test_an_unknown_name_is_refused_in_an_optional_part_too():
    with pytest.raises(InvalidInput, match="not defined"):
        check("x $[[ --a ${{inputs.a}} ]]", {}, where="command")


def test_a_missing_value_outside_of_an_optional_part_is_refused():
    with pytest.raises(InvalidInput, match=r"has no value.*\$\[\["):
        check("x ${{inputs.a}}", {"inputs.a": None}, where="command")


@pytest.mark.parametrize("text", ["${{inputs.a", "${{inputs.a}", "${{ {x} }}"])
def test_an_expression_that_is_not_closed_is_refused(text):
    with pytest.raises(InvalidInput, match="is no expression"):
        check(text, {"inputs.a": 1}, where="command")
