"""Which pins must go so that the rest can be had."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from packaging.requirements import Requirement


@dataclass(frozen=True, slots=True)
class Relaxed:
    """Requirements that can be had together.

    Attributes:
        requirements: All of them, some without their versions.
        loosened: Those that lost their versions, as they were.
    """

    requirements: tuple[str, ...]
    loosened: tuple[str, ...]


def relax(requirements: Sequence[str], resolves: Callable[[Sequence[str]], bool]) -> Relaxed | None:
    """Drop as few versions as possible, the later ones first.

    What comes out resolves, and none of the dropped versions could be put back.

    Args:
        requirements: In pip's language.
        resolves: Tells whether requirements can be had together.

    Returns:
        None if they cannot be had in any version.
    """
    given = tuple(requirements)
    if resolves(given):
        return Relaxed(given, ())
    current = [without_version(one) for one in given]
    if not resolves(current):
        return None
    for position, one in enumerate(given):
        if current[position] == one:
            continue
        attempt = [*current[:position], one, *current[position + 1 :]]
        if resolves(attempt):
            current = attempt
    loosened = tuple(one for one, now in zip(given, current, strict=True) if one != now)
    return Relaxed(tuple(current), loosened)


def without_version(text: str) -> str:
    """Return a requirement that any version fulfils; one that names a URL stays what it is.

    Example:
        >>> without_version("numpy[extra]==1.21.* ; python_version < '3.9'")
        'numpy[extra]; python_version < "3.9"'
    """
    requirement = Requirement(text.partition(" --hash=")[0])
    if requirement.url is not None:
        return text
    requirement.specifier = type(requirement.specifier)("")
    return str(requirement)
