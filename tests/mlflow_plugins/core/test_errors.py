"""Errors carry MLflow's codes, and suggestions."""

import pickle

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException

from mlflow_plugins.core import (
    AlreadyExists,
    InvalidInput,
    MissingExtra,
    NotAllowed,
    NotFound,
    StudioError,
    Unreachable,
    did_you_mean,
)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (InvalidInput, 400),
        (NotFound, 404),
        (AlreadyExists, 400),
        (NotAllowed, 403),
        (Unreachable, 503),
    ],
)
def test_servers_answer_with_the_right_status(kind: type[StudioError], status: int):
    error = kind("words")
    assert isinstance(error, MlflowException)
    assert error.get_http_status_code() == status
    assert error.message == "words"


def test_missing_extra_says_how_to_get_it():
    error = MissingExtra("ray", extra="ray", purpose="Compute 'ray'")
    assert str(error) == (
        "Compute 'ray' needs the package 'ray', which is not installed. "
        "Install it with: pip install 'mlflow-studio[ray]'"
    )


@given(st.lists(st.text("abcdefgh", min_size=4, max_size=9), min_size=1, unique=True), st.data())
def test_a_known_word_is_its_own_nearest(known: list[str], data: st.DataObject):
    word = data.draw(st.sampled_from(known))
    assert did_you_mean(word, iter(known)) == f" Did you mean {word!r}?"


def test_nothing_is_suggested_from_nothing():
    assert did_you_mean("word", []) == ""


def test_click_shows_an_error_as_one_line():
    @click.command()
    def command() -> None:
        raise InvalidInput("It is 3. It must be 4. Write 4.")

    result = CliRunner().invoke(command)
    assert result.exit_code == 1
    assert result.stderr == "Error: It is 3. It must be 4. Write 4.\n"


def test_an_error_survives_pickling():
    error = pickle.loads(pickle.dumps(InvalidInput("It is 3.")))
    assert isinstance(error, InvalidInput)
    assert error.message == "It is 3."
    assert error.error_code == "INVALID_PARAMETER_VALUE"
