"""The studio's AutoML pages; any studio that offers the methods of `Studio` can show them."""

from automl.pages._detail import OneSearch
from automl.pages._list import Searches
from automl.pages._new import NewSearch
from automl.pages._studio import Studio

__all__ = ["Studio", "register"]


def register(studio: Studio) -> None:
    """Add the pages: searches, a new search, one search."""
    Searches(studio)
    NewSearch(studio)
    OneSearch(studio)
