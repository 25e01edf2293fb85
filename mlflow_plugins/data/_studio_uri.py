"""Addresses by which MLflow reads data assets: ``studio-data://NAME/VERSION/PATH``."""

from dataclasses import dataclass
from urllib.parse import quote, unquote

from mlflow_plugins.core import Asset, InvalidInput

SCHEME = "studio-data"


@dataclass(frozen=True, slots=True)
class StudioUri:
    """A place in a version of a data asset."""

    name: str
    version: str
    path: str


def studio_uri(asset: Asset) -> str:
    """Return the address by which MLflow reads an asset."""
    return f"{SCHEME}://{quote(asset.name, safe='')}/{asset.version}"


def parse_studio_uri(uri: str) -> StudioUri:
    """Read an address of an asset; a version may be a label such as ``@prod``.

    Example:
        >>> parse_studio_uri("studio-data://people/3/deep/a.csv")
        StudioUri(name='people', version='3', path='deep/a.csv')

    Raises:
        InvalidInput: It is no such address.
    """
    scheme, _, rest = uri.partition("://")
    name, _, inside = rest.partition("/")
    version, _, path = inside.strip("/").partition("/")
    if scheme != SCHEME or not name or not version:
        raise InvalidInput(
            f"{uri!r} is not an address of a data asset. Write {SCHEME}://NAME/VERSION, or "
            f"{SCHEME}://NAME/@LABEL."
        )
    return StudioUri(unquote(name), unquote(version), unquote(path))
