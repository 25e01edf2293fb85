"""What the pages of environments share: addresses, and words for what an environment is."""

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from dash import html
from dash.development.base_component import Component

from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._studio import Studio

if TYPE_CHECKING:
    from mlflow_plugins.jobs.environments import CachedEnvironment, PinnedEnvironment

LIST, NEW = "/environments", "/environments/new"
DETAIL, MADE = "/environments/asset/<name>", "/environments/made/<environment_hash>"
KIND = "environment"

_ASSET_TITLE = re.compile(r"(?P<name>[\w.-]+):(?P<version>[\w.-]+)")


def environment_link(studio: Studio, title: str, environment_hash: str = "") -> Component:
    """Return an environment's title as it stands on a job, with the way to its page if it has one.

    Args:
        studio: The studio.
        title: ``NAME:VERSION`` of an asset, or what else a job's file called it.
        environment_hash: Of what was made of it, if something was.
    """
    asset = _ASSET_TITLE.fullmatch(title)
    made = studio.link(MADE, environment_hash=environment_hash)
    if asset is None:
        return ui.link(title, made) if environment_hash else html.Span(title)
    address = studio.link(DETAIL, name=asset["name"], version=asset["version"])
    own = ui.link(title, address)
    if not environment_hash:
        return own
    return html.Span([own, " · ", ui.link("packages", made)])


def python_of(pinned: "PinnedEnvironment") -> str:
    """Return which Python is asked for, as people write it.

    Example:
        >>> from mlflow_plugins.jobs.environments import PinnedEnvironment
        >>> python_of(PinnedEnvironment(recipe={"python": "==3.11.*"}))
        '3.11'
    """
    if pinned.recipe is None:
        return "the workspace's"
    plain = re.fullmatch(r"==(\d+(?:\.\d+)*)\.\*", pinned.recipe.python)
    return plain[1] if plain else pinned.recipe.python or "any"


def source_of(pinned: "PinnedEnvironment") -> str:
    """Return what kind of file an environment comes from."""
    if pinned.recipe is None:
        return "image"
    return "conda" if pinned.recipe.conda is not None else "pip"


def made_of(
    pinned: "PinnedEnvironment", cached: "Iterable[CachedEnvironment]"
) -> "list[CachedEnvironment]":
    """Return what this machine has made of an environment."""
    from mlflow_plugins.jobs.environments import is_made_from

    return [one for one in cached if is_made_from(one, pinned)]


def packages_table(packages: Sequence[str], *, label: str) -> Component:
    """Return packages as a compact list of names and versions."""
    if not packages:
        return html.P("None.", className="studio-dim")
    items = [html.Li([html.Strong(name), f" {version}"]) for name, version in map(split, packages)]
    return html.Ul(items, className="studio-packages", **ui.attributes(aria_label=label))


def split(requirement: str) -> tuple[str, str]:
    """Take a requirement's name and what it asks for apart.

    Example:
        >>> split("scikit-learn<2,>=1.5"), split("tiny==1.0"), split("numpy")
        (('scikit-learn', '<2,>=1.5'), ('tiny', '1.0'), ('numpy', ''))
    """
    found = re.match(r"[\w.-]+(?:\[[^\]]*\])?", requirement)
    name = found[0] if found else requirement
    rest = requirement[len(name) :].strip()
    exact = re.fullmatch(r"==([^*,;]+)", rest)
    return name, exact[1] if exact else rest


def warnings_note(warnings: Iterable[str]) -> list[Any]:
    """Return what an environment asks for and does not get, if there is anything."""
    words = "; ".join(warnings)
    return [ui.note(words, title="Not applied on this machine", color="orange")] if words else []
