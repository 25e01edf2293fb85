"""Kinds of datastores, and a document of one: Azure ML's YAML, or ours for what Azure has not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlflow_plugins.core import InvalidInput, check_name, did_you_mean
from mlflow_plugins.data._addresses import secrets_in
from mlflow_plugins.data._hosts import check_host
from mlflow_plugins.data.datastores._credentials import check_reference

_COMMON = ("$schema", "name", "type", "description", "tags", "properties")
_PLAIN = ("tenant_id", "client_id", "username", "authority_url", "resource_url")
_PRINCIPAL = ("tenant_id", "client_id", "client_secret")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a document of one kind may say.

    Attributes:
        required: Fields that it must have.
        optional: Fields that it may have.
        credentials: Sets of credentials; a document has one of them, or none.
        extras: Credentials that may stand beside any set.
        addresses: Fields that are URLs.
    """

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    credentials: tuple[tuple[str, ...], ...] = ()
    extras: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


_AZURE_CREDENTIALS = (("account_key",), ("sas_token",), _PRINCIPAL)

KINDS: Mapping[str, Kind] = {
    "azure_blob": Kind(
        required=("account_name", "container_name"),
        optional=("endpoint", "protocol", "prefix"),
        credentials=_AZURE_CREDENTIALS,
        extras=("authority_url", "resource_url"),
    ),
    "azure_data_lake_gen2": Kind(
        required=("account_name", "filesystem"),
        optional=("endpoint", "protocol", "prefix"),
        credentials=_AZURE_CREDENTIALS,
        extras=("authority_url", "resource_url"),
    ),
    "azure_file": Kind(
        required=("account_name", "file_share_name"),
        optional=("endpoint", "protocol", "prefix"),
        credentials=(("account_key",), ("sas_token",)),
    ),
    "gcs": Kind(
        required=("bucket",),
        optional=("prefix", "project", "endpoint"),
        credentials=(("service_account",),),
        addresses=("endpoint",),
    ),
    "http": Kind(
        required=("url",),
        credentials=(("token",), ("username", "password")),
        addresses=("url",),
    ),
    "local": Kind(required=("path",)),
    "s3": Kind(
        required=("bucket",),
        optional=("prefix", "endpoint", "region"),
        credentials=(("access_key_id", "secret_access_key"),),
        extras=("session_token",),
        addresses=("endpoint",),
    ),
    "sftp": Kind(
        required=("host", "username"),
        optional=("port", "path", "host_key"),
        credentials=(("password",), ("private_key",)),
        extras=("passphrase",),
    ),
    "sql": Kind(
        required=("url",),
        credentials=(("username", "password"), ("password",)),
        addresses=("url",),
    ),
}
_SYNONYMS = {"local_folder": "local", "adls_gen2": "azure_data_lake_gen2", "https": "http"}
_SCHEMAS = {
    "azureblob": "azure_blob",
    "azurefile": "azure_file",
    "azuredatalakegen2": "azure_data_lake_gen2",
    "azuredatalakegen1": "azure_data_lake_gen1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DatastoreDocument:
    """A document that keeps every rule and has no secret in it.

    Attributes:
        name: The datastore's.
        spec: What is stored: ``type``, the kind's own fields, and references to credentials.
        description: For people.
        tags: The user's.
    """

    name: str
    spec: Mapping[str, Any]
    description: str
    tags: Mapping[str, str]


def read_document(document: Mapping[str, Any]) -> DatastoreDocument:
    """Read a document of a datastore.

    Raises:
        InvalidInput: A field is unknown, missing or wrong, or a secret stands in the document.
    """
    name = document.get("name")
    if not isinstance(name, str) or not name:
        raise InvalidInput("Field 'name' is missing. A datastore needs it.")
    check_name(name, what="name of a datastore")
    kind_name = _kind_name(document)
    kind = KINDS[kind_name]
    own = {key: value for key, value in document.items() if key not in (*_COMMON, "credentials")}
    _check_fields(kind_name, kind, own)
    own = {field: _plain(field, value) for field, value in own.items()}
    for field in kind.addresses:
        _check_address(kind_name, field, own.get(field))
    credentials = _check_credentials(kind_name, kind, document.get("credentials"))
    spec = {"type": kind_name, **own}
    return DatastoreDocument(
        name=name,
        spec={**spec, "credentials": credentials} if credentials else spec,
        description=str(document.get("description") or ""),
        tags={key: str(value) for key, value in (document.get("tags") or {}).items()},
    )


def _kind_name(document: Mapping[str, Any]) -> str:
    given = document.get("type")
    if given is None:
        stem = str(document.get("$schema") or "").rsplit("/", 1)[-1].partition(".")[0]
        given = _SCHEMAS.get(stem.lower())
    word = str(given or "").lower().replace("-", "_")
    word = _SYNONYMS.get(word, word)
    if word == "azure_data_lake_gen1":
        raise InvalidInput(
            "Field 'type' is 'azure_data_lake_gen1', a service that Azure has shut down. Describe "
            "the new place of the data, such as type: azure_data_lake_gen2."
        )
    if word not in KINDS:
        came = f"is {given!r}" if given else "is missing"
        raise InvalidInput(
            f"Field 'type' {came}. A datastore is one of: {', '.join(KINDS)}."
            f"{did_you_mean(word, KINDS)}"
        )
    return word


def _check_fields(name: str, kind: Kind, own: Mapping[str, Any]) -> None:
    known = (*kind.required, *kind.optional)
    for field in own:
        if field in _secret_names(kind):
            check_reference(field, None, variable=f"credentials: {{{field}: env:NAME}}")
        if field not in known:
            shown = (*known, *(("credentials",) if kind.credentials else ()), "description", "tags")
            raise InvalidInput(
                f"Field {field!r} is unknown. The fields of a datastore of type {name!r} are: "
                f"{', '.join(shown)}.{did_you_mean(field, shown)}"
            )
    for field in kind.required:
        if own.get(field) in (None, ""):
            raise InvalidInput(
                f"Field {field!r} is missing. A datastore of type {name!r} needs it."
            )


def _plain(field: str, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InvalidInput(f"Field {field!r} must be a text or a number.")
    if field == "port" and not (isinstance(value, int) and 0 < value < 1 << 16):
        raise InvalidInput(f"Field 'port' is {value!r}. It must be a number from 1 to 65535.")
    return value if field == "port" else str(value)


def _check_address(kind: str, field: str, url: str | None) -> None:
    if url is None:
        return
    if secrets_in(url):
        raise InvalidInput(
            f"Field {field!r} has a password, key or signature in its URL. A workspace never "
            "keeps secrets: take it out of the URL, put it into an environment variable of the "
            "agent, and name that under 'credentials', such as password: env:NAME."
        )
    if kind == "sql":
        if "://" not in url:
            raise InvalidInput(
                f"Field {field!r} is {url!r}. It must be a SQLAlchemy URL, such as "
                "postgresql+psycopg://HOST/DATABASE."
            )
    elif not url.startswith(("http://", "https://")):
        raise InvalidInput(f"Field {field!r} is {url!r}. It must be an http or https address.")
    else:
        check_host(url)


def _check_credentials(kind_name: str, kind: Kind, given: Any) -> dict[str, str]:
    if given in (None, {}):
        return {}
    if not kind.credentials:
        raise InvalidInput(f"A datastore of type {kind_name!r} takes no credentials.")
    if not isinstance(given, Mapping):
        raise InvalidInput(
            "Field 'credentials' must be a mapping of names to references, such as "
            f"{kind.credentials[0][-1]}: env:NAME."
        )
    _check_names(kind, given)
    return {field: _credential(field, value) for field, value in given.items() if value is not None}


def _check_names(kind: Kind, given: Mapping[str, Any]) -> None:
    known = sorted({*_secret_names(kind), *kind.extras, *_flat(kind.credentials)})
    for field in given:
        if field not in known:
            raise InvalidInput(
                f"Field 'credentials.{field}' is unknown. There are: {', '.join(known)}."
                f"{did_you_mean(str(field), known)}"
            )
    names = {field for field in given if field not in kind.extras}
    if names not in [set(one) for one in kind.credentials]:
        choices = "; or ".join(" and ".join(one) for one in kind.credentials)
        raise InvalidInput(
            f"Field 'credentials' has {', '.join(sorted(names)) or 'nothing'}. It must have one "
            f"of: {choices}."
        )


def _credential(field: str, value: Any) -> str:
    if field in _PLAIN and isinstance(value, str):
        return value
    return check_reference(f"credentials.{field}", value, variable="env:NAME")


def _secret_names(kind: Kind) -> set[str]:
    return {field for field in (*_flat(kind.credentials), *kind.extras) if field not in _PLAIN}


def _flat(sets: Sequence[Sequence[str]]) -> list[str]:
    return [field for one in sets for field in one]
