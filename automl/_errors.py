"""The one error tree of this package.

AutoMLError (a ValueError)
├── DataError      the table cannot be read or learned from
├── OptionError    an option has a name or value that does not exist
└── JobFileError   a job file asks for something impossible
"""

from collections.abc import Iterable
from difflib import get_close_matches


class AutoMLError(ValueError):
    """Root of everything this package raises on purpose; the message is fit for a user's eyes."""


class DataError(AutoMLError):
    """The table cannot be read or learned from."""


class OptionError(AutoMLError):
    """An option has a name or a value that does not exist."""


class JobFileError(AutoMLError):
    """A job file asks for something that does not exist or cannot be done."""


def suggestion(name: object, known: Iterable[str]) -> str:
    """Return the sentence that lists what exists and names the nearest spelling.

    >>> suggestion("incme", ["age", "income"])
    "It has: age, income. Did you mean 'income'?"
    """
    names = [str(k) for k in known]
    shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
    lowered = {n.lower(): n for n in reversed(names)}
    close = get_close_matches(str(name).lower(), lowered, n=1, cutoff=0.6)
    return f"It has: {shown}." + (f" Did you mean {lowered[close[0]]!r}?" if close else "")


def choose(value: object, known: Iterable[str], *, what: str) -> str:
    """Return `value` where it is one of `known`.

    Raises:
        OptionError: `value` is none of `known`; the message lists them and the nearest one.
    """
    names = list(known)
    if isinstance(value, str) and value in names:
        return value
    listing = suggestion(value, names).removeprefix("It has: ")
    raise OptionError(f"{what} must be one of these, not {value!r}: {listing}")
