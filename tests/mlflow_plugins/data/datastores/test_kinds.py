"""Documents of datastores: Azure's as they are, and no secret past the door."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlflow_plugins.core import InvalidInput, NotAllowed, NotFound
from mlflow_plugins.data.datastores import hide, read_document, read_secret

SCHEMA = "https://azuremlschemas.azureedge.net/latest"
SECRET = "hunter2hunter2"
BLOB = {"name": "b", "type": "azure_blob", "account_name": "acct", "container_name": "c"}


# Azure/azureml-examples, cli/resources/datastore: all that carry no secret.
@pytest.mark.parametrize(
    ("document", "stored"),
    [
        (
            {
                "$schema": f"{SCHEMA}/azureDataLakeGen2.schema.json",
                "name": "adls_gen2_credless_example",
                "type": "azure_data_lake_gen2",
                "description": "Credential-less datastore",
                "account_name": "mytestdatalakegen2",
                "filesystem": "my-gen2-container",
            },
            {
                "type": "azure_data_lake_gen2",
                "account_name": "mytestdatalakegen2",
                "filesystem": "my-gen2-container",
            },
        ),
        (
            {
                "$schema": f"{SCHEMA}/azureBlob.schema.json",
                "name": "blob_credless_example",
                "account_name": "mytestblobstore",
                "container_name": "data-container",
            },
            {
                "type": "azure_blob",
                "account_name": "mytestblobstore",
                "container_name": "data-container",
            },
        ),
        (
            {
                "name": "file_example",
                "type": "azure_file",
                "account_name": "a",
                "file_share_name": "my-share",
                "credentials": {"account_key": "env:SHARE_KEY"},
            },
            {
                "type": "azure_file",
                "account_name": "a",
                "file_share_name": "my-share",
                "credentials": {"account_key": "env:SHARE_KEY"},
            },
        ),
        (
            {"name": "w", "type": "s3", "bucket": "b", "endpoint": "http://minio.example:9000"},
            {"type": "s3", "bucket": "b", "endpoint": "http://minio.example:9000"},
        ),
        (
            {"name": "f", "type": "sftp", "host": "h", "username": "u", "port": 2222},
            {"type": "sftp", "host": "h", "username": "u", "port": 2222},
        ),
    ],
)
def test_a_document_is_read(document, stored):
    read = read_document(document)
    assert read.spec == stored
    assert read.name == document["name"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"credentials": {"account_key": SECRET}},
            r"'credentials\.account_key' has a value of its",
        ),
        ({"credentials": {"sas_token": f"?sv=1&sig={SECRET}"}}, r"never keeps secrets.*'env:NAME'"),
        (
            {"credentials": {"tenant_id": "t", "client_id": "c", "client_secret": SECRET}},
            r"'credentials\.client_secret' has a value of its own",
        ),
        ({"account_key": SECRET}, r"'account_key' has a value of its own.*env:NAME"),
        ({"credentials": SECRET}, "must be a mapping"),
        ({"credentials": {"account_key": {"deep": SECRET}}}, "has a value of its own"),
        ({"credentials": {"account_key": f"env:{SECRET} x"}}, "has a value of its own"),
        ({"type": "http", "url": f"https://me:{SECRET}@example.com"}, "password, key or signature"),
        ({"type": "http", "url": f"https://example.com/?sig={SECRET}"}, "password, key or signat"),
        ({"type": "sql", "url": f"postgresql://me:{SECRET}@db/x"}, "password, key or signature"),
    ],
)
def test_a_secret_is_refused_and_not_repeated(change, message):
    document = {**BLOB, **change}
    if "url" in change:
        document = {"name": "b", **change}
    with pytest.raises(InvalidInput, match=message) as caught:
        read_document(document)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("document", "error", "message"),
    [
        ({"type": "s3"}, InvalidInput, "Field 'name' is missing"),
        ({"name": "x"}, InvalidInput, "Field 'type' is missing.*azure_blob"),
        ({"name": "x", "type": "azure_blop"}, InvalidInput, "Did you mean 'azure_blob'"),
        ({"name": "x", "type": "azure_data_lake_gen1"}, InvalidInput, "Azure has shut down"),
        ({"name": "x", "type": "s3"}, InvalidInput, "Field 'bucket' is missing"),
        ({"name": "x", "type": "s3", "bukcet": "b"}, InvalidInput, "Did you mean 'bucket'"),
        ({**BLOB, "credentials": {"account_kye": "env:A"}}, InvalidInput, "mean 'account_key'"),
        (
            {**BLOB, "credentials": {"account_key": "env:A", "sas_token": "env:B"}},
            InvalidInput,
            "must have one of: account_key; or sas_token",
        ),
        (
            {"name": "x", "type": "local", "path": "/x", "credentials": {"a": 1}},
            InvalidInput,
            "no cr",
        ),
        ({"name": "x", "type": "http", "url": "ftp://h/x"}, InvalidInput, "http or https"),
        ({"name": "x", "type": "sql", "url": "db.sqlite"}, InvalidInput, "SQLAlchemy URL"),
        (
            {"name": "x", "type": "sftp", "host": "h", "username": "u", "port": 0},
            InvalidInput,
            "from 1 to 65535",
        ),
        (
            {"name": "x", "type": "http", "url": "http://169.254.169.254/latest"},
            NotAllowed,
            "metad",
        ),
        (
            {"name": "x", "type": "s3", "bucket": "b", "endpoint": "http://[fd00:ec2::254]"},
            NotAllowed,
            "metadata",
        ),
        ({"name": "a b", "type": "local", "path": "/x"}, InvalidInput, "cannot be used as name"),
    ],
)
def test_a_wrong_document_is_refused(document, error, message):
    with pytest.raises(error, match=message):
        read_document(document)


def test_secrets_are_found_where_the_reference_says(tmp_path, monkeypatch):
    monkeypatch.setenv("A_SECRET", SECRET)
    assert read_secret("env:A_SECRET") == SECRET
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    file.chmod(0o600)
    assert read_secret(f"file:{file}") == SECRET


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660])
def test_a_secret_in_a_file_of_everybody_is_refused(tmp_path, mode):
    file = tmp_path / "secret"
    file.write_text(SECRET)
    file.chmod(mode)
    with pytest.raises(NotAllowed, match=r"chmod 600") as caught:
        read_secret(f"file:{file}")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("env:NO_SUCH_VARIABLE", "NO_SUCH_VARIABLE is not set"),
        ("file:/no/such/file", "cannot be read"),
    ],
)
def test_a_secret_that_is_not_there_says_where_it_should_be(reference, message):
    with pytest.raises(NotFound, match=message):
        read_secret(reference)


def test_a_keyring_keeps_secrets(monkeypatch):
    import keyring
    from keyring.backend import KeyringBackend

    class Memory(KeyringBackend):
        priority = 1

        def get_password(self, service, username):
            return {("store", "me"): SECRET}.get((service, username))

        def set_password(self, service, username, password):
            raise NotImplementedError

        def delete_password(self, service, username):
            raise NotImplementedError

    before = keyring.get_keyring()
    keyring.set_keyring(Memory())
    try:
        assert read_secret("keyring:store/me") == SECRET
        with pytest.raises(NotFound, match="keyring set store you"):
            read_secret("keyring:store/you")
    finally:
        keyring.set_keyring(before)


@pytest.mark.property
@given(
    secret=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8),
    before=st.text(),
    after=st.text(),
)
def test_a_hidden_secret_never_shows(secret, before, after):
    from urllib.parse import quote

    assert secret not in hide(f"{before}{secret}{after}", [secret]).replace("***", "")
    assert quote(secret, safe="") not in hide(f"x{quote(secret, safe='')}x", [secret])
