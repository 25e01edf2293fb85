"""Datastores: named places for files and tables, reached with credentials by reference."""

from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.datastores._detail import DetailPage
from mlflow_plugins.studio.pages.datastores._list import ListPage
from mlflow_plugins.studio.pages.datastores._new import NewPage

__all__ = ["register"]


def register(studio: Studio) -> None:
    """Add the pages."""
    ListPage(studio)
    NewPage(studio)
    DetailPage(studio)
