"""Environments: which Python and which packages a job gets, and which of them are made already."""

from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.environments._detail import DetailPage
from mlflow_plugins.studio.pages.environments._list import ListPage
from mlflow_plugins.studio.pages.environments._made import MadePage
from mlflow_plugins.studio.pages.environments._new import NewPage
from mlflow_plugins.studio.pages.environments._parts import environment_link

__all__ = ["environment_link", "register"]


def register(studio: Studio) -> None:
    """Add the pages."""
    ListPage(studio)
    NewPage(studio)
    DetailPage(studio)
    MadePage(studio)
