"""Data: versioned tables, what is in them, where they came from and went."""

from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.data._asset import AssetPage
from mlflow_plugins.studio.pages.data._compare import ComparePage
from mlflow_plugins.studio.pages.data._import import ImportPage
from mlflow_plugins.studio.pages.data._list import ListPage
from mlflow_plugins.studio.pages.data._new import NewPage
from mlflow_plugins.studio.pages.data._places import DETAIL, LIST, NEW

__all__ = ["DETAIL", "LIST", "NEW", "register"]


def register(studio: Studio) -> None:
    """Add the pages."""
    ListPage(studio)
    NewPage(studio)
    ImportPage(studio)
    ComparePage(studio)
    AssetPage(studio)
