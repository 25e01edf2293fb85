"""Addresses of data, taken apart: Azure ML's URIs, blob storage URLs, and the secrets in either."""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, quote, unquote, urlsplit

from mlflow_plugins.core import InvalidInput

AZURE_STORAGE = ("wasb", "wasbs", "abfs", "abfss", "az")

_WORKSPACE = (
    r"(?:subscriptions/[^/]+/resource[gG]roups/[^/]+/"
    r"(?:providers/Microsoft\.MachineLearningServices/)?workspaces/[^/]+/"
    r"|locations/[^/]+/workspaces/[^/]+/)?"
)
_DATASTORE = re.compile(_WORKSPACE + r"datastores/(?P<datastore>[^/]+)/paths/(?P<path>.*)")
_JOB = re.compile(
    _WORKSPACE + r"jobs/(?P<run_id>[^/]+)/outputs/(?P<output>[^/]+)(?:/paths/(?P<path>.*))?/?"
)
_ASSET = re.compile(
    _WORKSPACE + r"(?P<kind>data|models|environments|components)/(?P<name>[^/]+)/"
    r"(?:versions/(?P<version>[^/]+)|labels/(?P<label>[^/]+))/?"
)
_LONG = re.compile(r"(?:azureml:)?azureml://(?P<rest>.+)")
_HOST = re.compile(r"(?P<account>[^.@]+)\.(?:blob|dfs)\.core\.windows\.net")


@dataclass(frozen=True, slots=True)
class DatastorePath:
    """A place in a datastore."""

    datastore: str
    path: str


@dataclass(frozen=True, slots=True)
class JobOutput:
    """What a job has left behind, by its run."""

    run_id: str
    output: str
    path: str

    @property
    def artifact_path(self) -> str:
        """Where it lies among the run's artifacts; Azure calls all of them ``artifacts``."""
        folder = "" if self.output == "artifacts" else f"outputs/{self.output}"
        return f"{folder}/{self.path}".strip("/")


@dataclass(frozen=True, slots=True)
class AssetAddress:
    """A version of an asset by its long address."""

    kind: Literal["data", "models", "environments", "components"]
    reference: str


def parse_azureml(text: str) -> DatastorePath | JobOutput | AssetAddress | None:
    """Read an ``azureml://`` address; None if the text is something else.

    Example:
        >>> parse_azureml("azureml://datastores/workspaceblobstore/paths/a/b.csv")
        DatastorePath(datastore='workspaceblobstore', path='a/b.csv')
        >>> parse_azureml("azureml://jobs/4f/outputs/model/paths/m.pkl").artifact_path
        'outputs/model/m.pkl'
        >>> parse_azureml("azureml:adult:1") is None
        True

    Raises:
        InvalidInput: It is one of another form.
    """
    long = _LONG.fullmatch(text)
    if long is None:
        return None
    rest = long["rest"]
    if found := _DATASTORE.fullmatch(rest):
        return DatastorePath(found["datastore"], unquote(found["path"]).strip("/"))
    if found := _JOB.fullmatch(rest):
        return JobOutput(found["run_id"], found["output"], unquote(found["path"] or "").strip("/"))
    if found := _ASSET.fullmatch(rest):
        selector = f":{found['version']}" if found["version"] else f"@{found['label']}"
        return AssetAddress(found["kind"], f"azureml:{found['name']}{selector}")  # type: ignore[arg-type]
    if rest.startswith("registries/"):
        raise InvalidInput(
            f"{text!r} lies in a registry of Azure, which this workspace does not reach. Download "
            "it, create an asset of it here, and write azureml:NAME:VERSION."
        )
    raise InvalidInput(
        f"{text!r} is not an address that can be read. Write "
        "azureml://datastores/NAME/paths/PATH, azureml://jobs/RUN_ID/outputs/NAME/paths/PATH, "
        "or azureml:NAME:VERSION."
    )


@dataclass(frozen=True, slots=True)
class BlobPath:
    """A place in Azure's blob storage; the signature in a URL comes along as ``sas_token``."""

    account: str
    container: str
    path: str
    sas_token: str = ""


def parse_blob_url(url: str) -> BlobPath | None:
    """Read a URL of Azure's blob storage, of either of its two forms; None if it is another URL.

    Example:
        >>> parse_blob_url("wasbs://datasets@account.blob.core.windows.net/iris.csv")
        BlobPath(account='account', container='datasets', path='iris.csv', sas_token='')
        >>> parse_blob_url("https://account.blob.core.windows.net/datasets/iris.csv").container
        'datasets'
        >>> parse_blob_url("https://example.com/iris.csv") is None
        True
    """
    parts = urlsplit(url)
    host = _HOST.fullmatch(parts.hostname or "")
    if host is None:
        return None
    path = unquote(parts.path).strip("/")
    if parts.scheme in AZURE_STORAGE and parts.username:
        return BlobPath(host["account"], parts.username, path, parts.query)
    if parts.scheme in ("http", "https"):
        container, _, path = path.partition("/")
        return BlobPath(host["account"], container, path, parts.query)
    return None


# ---------------------------------------------------------------- secrets in addresses

_SECRET_KEY = re.compile(
    r"sig|signature|.*[-_]signature|.*token|.*key|.*secret.*|password|passwd|pwd|credential.*|"
    r"x-amz-credential|x-goog-credential|awsaccesskeyid",
    re.IGNORECASE,
)


def secrets_in(url: str) -> list[str]:
    """Return the parts of a URL that nobody may see: passwords, signatures and keys."""
    parts = urlsplit(url)
    pairs = [pair.partition("=") for pair in parts.query.split("&")]
    found = [value for key, _, value in pairs if value and _SECRET_KEY.fullmatch(key)]
    return [*([parts.password] if parts.password else []), *found]


def masked(text: str, url: str | None = None) -> str:
    """Return a text with the secrets of a URL (of itself, if none is given) replaced by ``***``.

    Example:
        >>> masked("https://a.blob.core.windows.net/c/x.csv?sv=2024&sig=abc%3D")
        'https://a.blob.core.windows.net/c/x.csv?sv=2024&sig=***'
        >>> masked("ftp://me:secret@host/x")
        'ftp://me:***@host/x'
    """
    for secret in secrets_in(text if url is None else url):
        for form in sorted({secret, unquote(secret), quote(secret, safe="")}, key=len)[::-1]:
            text = _replace(text, form)
    return text


def _replace(text: str, secret: str) -> str:
    """Replace a value where it stands as a value: ``=abc``, ``:abc@`` or by itself."""
    return re.sub(rf"(?<![A-Za-z0-9]){re.escape(secret)}(?![A-Za-z0-9])", "***", text)


def scheme_of(text: str) -> str:
    """Return the scheme of a URL in lower case; an empty text for a path."""
    found: SplitResult = urlsplit(text)
    return found.scheme.lower() if "://" in text or found.scheme == "file" else ""
