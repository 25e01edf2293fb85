"""Addresses are taken apart as Azure writes them, and their secrets never show."""

from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.data import AssetAddress, DatastorePath, JobOutput, masked, parse_azureml
from mlflow_plugins.data._addresses import BlobPath, parse_blob_url, secrets_in

LONG = "azureml://subscriptions/0-1/resourcegroups/rg/workspaces/ws/"
LONGER = (
    "azureml://subscriptions/0-1/resourceGroups/rg/providers/Microsoft.MachineLearningServices/"
    "workspaces/ws/"
)


@pytest.mark.parametrize("start", ["azureml://", LONG, LONGER, "azureml:azureml://"])
@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("datastores/d/paths/a/b.csv", DatastorePath("d", "a/b.csv")),
        ("datastores/d/paths/a/", DatastorePath("d", "a")),
        ("datastores/d/paths/", DatastorePath("d", "")),
        ("datastores/d/paths/with%20space", DatastorePath("d", "with space")),
        ("jobs/r/outputs/model", JobOutput("r", "model", "")),
        ("jobs/r/outputs/model/paths/x/y.pkl", JobOutput("r", "model", "x/y.pkl")),
        ("data/people/versions/3", AssetAddress("data", "azureml:people:3")),
        ("models/churn/labels/latest", AssetAddress("models", "azureml:churn@latest")),
    ],
)
def test_azures_addresses_are_read_in_every_form(start, rest, expected):
    assert parse_azureml(start + rest) == expected


def test_a_jobs_artifacts_are_the_whole_run():
    assert JobOutput("r", "artifacts", "model/MLmodel").artifact_path == "model/MLmodel"
    assert JobOutput("r", "model", "MLmodel").artifact_path == "outputs/model/MLmodel"


@pytest.mark.parametrize("text", ["azureml:people:1", "people.csv", "https://example.com/x"])
def test_other_texts_are_no_such_address(text):
    assert parse_azureml(text) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("azureml://registries/azureml/models/m/versions/1", "lies in a registry of Azure"),
        ("azureml://datastores/x", "is not an address that can be read"),
    ],
)
def test_an_azure_address_of_another_kind_is_refused(text, message):
    with pytest.raises(InvalidInput, match=message):
        parse_azureml(text)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("wasbs://c@acc.blob.core.windows.net/a/b.csv", BlobPath("acc", "c", "a/b.csv")),
        ("wasbs://c@acc.blob.core.windows.net/", BlobPath("acc", "c", "")),
        ("abfss://c@acc.dfs.core.windows.net/a%20b", BlobPath("acc", "c", "a b")),
        ("https://acc.blob.core.windows.net/c/a.csv?sig=x", BlobPath("acc", "c", "a.csv", "sig=x")),
        ("https://example.com/c/a.csv", None),
        ("wasbs://acc.blob.core.windows.net/c", None),
    ],
)
def test_both_forms_of_a_blobs_address_are_read(url, expected):
    assert parse_blob_url(url) == expected


@pytest.mark.property
@given(
    secret=st.text(min_size=12, max_size=40),
    key=st.sampled_from(["sig", "X-Amz-Signature", "token", "AWSAccessKeyId", "password"]),
)
def test_a_secret_of_a_url_never_shows(secret, key):
    quoted = quote(secret, safe="")
    url = f"https://host.example/path/x.csv?sv=2024&{key}={quoted}&z=1"
    shown = masked(url)
    assert quoted not in shown
    assert urlsplit(shown).path == "/path/x.csv"
    assert "sv=2024" in shown
    assert f" {quoted} " not in masked(f"GET {url}: {quoted} is wrong", url)


def test_a_url_without_secrets_stays_as_it_is():
    url = "https://me@host.example/a.csv?version=3"
    assert secrets_in(url) == []
    assert masked(url) == url
