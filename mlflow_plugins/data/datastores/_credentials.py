"""Secrets by reference: what a datastore keeps is where a secret lies, never the secret.

``env:NAME`` is a variable of the process that reads, ``keyring:SERVICE/USER`` an entry of the
system's keyring, ``file:PATH`` the content of a file that only its owner may read. They are looked
up on the machine and at the moment of use.
"""

import os
import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

from mlflow_plugins.core import InvalidInput, MissingExtra, NotAllowed, NotFound

FORMS = "env:NAME, keyring:SERVICE/USER or file:PATH"

_REFERENCE = re.compile(
    r"env:[A-Za-z_][A-Za-z0-9_]*|keyring:[^/\s][^/]*/[^/]+|file:(?:/|~)[^\0\n]+"
)
# A server has its own database's password among these.
_OF_MLFLOW = ("MLFLOW_", "_MLFLOW_")
_SHORTEST_SECRET = 4  # masking anything shorter would garble every message


def is_secret_reference(text: object) -> bool:
    """Tell whether a text says where a secret lies.

    Example:
        >>> is_secret_reference("env:ACCOUNT_KEY"), is_secret_reference("hunter2")
        (True, False)
    """
    return isinstance(text, str) and _REFERENCE.fullmatch(text) is not None


def check_reference(field: str, text: object, *, variable: str) -> str:
    """Return a text that says where a secret lies; the message shows nothing of another one.

    Args:
        field: Where it stands in the document, for the message.
        text: What stands there.
        variable: The name of an environment variable to suggest.

    Raises:
        InvalidInput: It is something else: maybe the secret itself.
    """
    if not is_secret_reference(text):
        raise InvalidInput(
            f"Field {field!r} has a value of its own. A workspace never keeps secrets: put it into "
            f"an environment variable of the agent, and write '{variable}' here. "
            f"There are: {FORMS}."
        )
    return str(text)


def read_secret(reference: str) -> str:
    """Look up the secret that a reference means, on this machine.

    Raises:
        NotFound: There is none.
        NotAllowed: It is in a file that others can read.
        MissingExtra: It is in a keyring, and what reads keyrings is not installed.
    """
    kind, _, rest = reference.partition(":")
    if kind == "env":
        return _from_environment(rest)
    return _from_file(Path(rest)) if kind == "file" else _from_keyring(rest)


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return a text in which secrets are replaced by ``***``, as they are or quoted for a URL."""
    known = [secret for secret in secrets if len(secret) >= _SHORTEST_SECRET]
    forms = {form for one in known for form in (one, quote(one, safe=""), one.lstrip("?"))}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, "***")
    return text


def read_all(references: Mapping[str, str]) -> dict[str, str]:
    """Look up several secrets by field; what is no reference is returned as it is."""
    return {
        field: read_secret(text) if is_secret_reference(text) else text
        for field, text in references.items()
    }


def _from_environment(name: str) -> str:
    if name.upper().startswith(_OF_MLFLOW):
        raise NotAllowed(
            f"The environment variable {name} is MLflow's or the studio's own, which no datastore "
            "gets. Put the secret into a variable with a name of its own."
        )
    value = os.environ.get(name)
    if not value:
        raise NotFound(
            f"The environment variable {name} is not set in this process. Set it where agents "
            "are started (and where you submit), and start them again."
        )
    return value


def _from_file(path: Path) -> str:
    path = path.expanduser()
    try:
        mode = path.stat().st_mode
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise NotAllowed(
                f"The file {str(path)!r} holds a secret and can be reached by others than its "
                f"owner (mode {stat.S_IMODE(mode):o}). Take that away with: chmod 600 {path}"
            )
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise NotFound(
            f"The secret in the file {str(path)!r} cannot be read ({type(error).__name__}). "
            "The file must be on the machine that uses the datastore."
        ) from error


def _from_keyring(rest: str) -> str:
    try:
        import keyring
    except ImportError as error:
        raise MissingExtra("keyring", extra="keyring", purpose="A secret in a keyring") from error
    service, _, user = rest.partition("/")
    try:
        found = keyring.get_password(service, user)
    except Exception as error:  # each system's keyring has exceptions of its own
        raise NotFound(f"The keyring of this machine does not answer: {error}.") from error
    if not found:
        raise NotFound(
            f"The keyring has no entry {service!r} for {user!r}. "
            f"Make one with: keyring set {service} {user}"
        )
    return str(found)
