"""Arguments inside the ids of components: plain letters, whatever the values are."""

import base64
import json
from collections.abc import Mapping
from typing import Any


def pack(values: Mapping[str, Any]) -> str:
    """Return the values as one word of letters, digits, ``-`` and ``_``."""
    text = json.dumps(values, sort_keys=True).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def unpack(word: str) -> dict[str, Any]:
    """Return what `pack` was given.

    Example:
        >>> unpack(pack({"run_id": "r/1", "n": 2}))
        {'n': 2, 'run_id': 'r/1'}
    """
    text = base64.urlsafe_b64decode(word + "=" * (-len(word) % 4))
    values: dict[str, Any] = json.loads(text)
    return values
