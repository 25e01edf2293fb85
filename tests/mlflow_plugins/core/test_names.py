"""Names, versions and references."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlflow_plugins.core import (
    AssetReference,
    InvalidInput,
    check_name,
    check_version,
    is_reference,
    parse_reference,
)

_FIRST = st.sampled_from("abzAZ059")
_REST = st.text("abzAZ059._-", max_size=29)
WORDS = st.builds(str.__add__, _FIRST, _REST)
NAMES = WORDS | st.builds("{}/{}".format, WORDS, WORDS)
VERSIONS = WORDS.filter(lambda word: word != "latest")
REFERENCES = (
    st.builds(AssetReference, NAMES)
    | st.builds(AssetReference, NAMES, version=VERSIONS)
    | st.builds(AssetReference, NAMES, label=WORDS)
)


@given(REFERENCES)
def test_reference_round_trip(reference: AssetReference):
    read = parse_reference(f"azureml:{reference}")
    assert read == parse_reference(str(reference))
    assert (read.name, read.version) == (reference.name, reference.version)
    assert (read.label or "latest") == (reference.label or "latest") or read.version is not None
    assert str(read) == str(reference)


@given(NAMES, VERSIONS)
def test_what_the_grammar_makes_is_accepted(name: str, version: str):
    assert check_name(name) == name
    assert check_version(version) == version
    assert is_reference(f"azureml:{name}:{version}")


@given(st.text(max_size=40))
def test_whatever_is_parsed_has_a_valid_name(text: str):
    try:
        reference = parse_reference(text)
    except InvalidInput:
        return
    check_name(reference.name)
    assert parse_reference(str(reference)).name == reference.name


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "-a", ".a", "a/b/c", "a/", "/a", "ä", "a\n", "a" * 129, "a@b", "a:b"]
)
def test_names_that_are_refused(name: str):
    with pytest.raises(InvalidInput, match="cannot be used as a thing"):
        check_name(name, what="a thing")


@pytest.mark.parametrize("version", ["", "latest", "a b", "-1", "1/2", "1" * 31, "1\n", "ä"])
def test_versions_that_are_refused(version: str):
    with pytest.raises(InvalidInput, match="cannot be used as a version"):
        check_version(version)


@pytest.mark.parametrize(
    "text", ["", "azureml:", "a:", "a@", "a:1:2", "a@b:1", "a:1@b", "a b:1", "a:ä", "a:x y"]
)
def test_references_that_are_refused(text: str):
    with pytest.raises(InvalidInput, match="is not a reference to an asset"):
        parse_reference(text)


@pytest.mark.parametrize("text", ["azureml://datastores/x/paths/y", "data/adult.csv", "adult:1"])
def test_addresses_and_paths_are_no_references(text: str):
    assert not is_reference(text)
