"""Addresses of pages: patterns such as ``/jobs/<run_id>``, matched and filled in."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlencode

_VARIABLE = re.compile(r"<([a-z_]+)>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of the studio.

    Attributes:
        path: Pattern below ``/studio``; ``<name>`` stands for one part of the path.
        title: Heading of the browser's tab and, where there is an icon, name in the navigation.
        layout: Called with the pattern's values and those of the query that it has parameters for.
        icon: Name of an icon (``studio.css``); a page without one is not in the navigation.
        section: Heading in the navigation; pages without one come first.
        order: Place in the navigation, ascending.
        plugin: The entry point that brought the page.
    """

    path: str
    title: str
    layout: Callable[..., Any]
    icon: str | None = None
    section: str = ""
    order: int = 100
    plugin: str = ""

    def match(self, path: str) -> dict[str, str] | None:
        """Return the pattern's values if the path is one of this page's."""
        pattern = _VARIABLE.sub(r"(?P<\1>[^/]+)", self.path)
        found = re.fullmatch(pattern, path.rstrip("/") or "/")
        return {key: unquote(value) for key, value in found.groupdict().items()} if found else None


def fill(pattern: str, values: Mapping[str, object]) -> str:
    """Return the address with the values in the pattern, and the rest of them as a query.

    Example:
        >>> fill("/data/<name>", {"name": "a/b", "version": 2})
        '/data/a%2Fb?version=2'
    """
    used = set(_VARIABLE.findall(pattern))
    path = _VARIABLE.sub(lambda found: quote(str(values[found[1]]), safe=""), pattern)
    query = {k: v for k, v in values.items() if k not in used and v is not None}
    return path + (f"?{urlencode(query)}" if query else "")
