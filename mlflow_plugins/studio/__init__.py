"""The browser studio: pages on MLflow's own server, and the door through which pages come in.

A page is a callable ``register(studio)`` under the entry-point group ``mlflow_studio.pages``; the
built-in ones use the same door. What it can do is what `Studio` offers. Read
``tests/mlflow_plugins/studio/test_extension.py`` first.
"""

from mlflow_plugins.studio._access import Access, EverythingAllowed, UserClient
from mlflow_plugins.studio._actions import Action, Done
from mlflow_plugins.studio._application import make_studio
from mlflow_plugins.studio._live import Final
from mlflow_plugins.studio._studio import Studio

__all__ = [
    "Access",
    "Action",
    "Done",
    "EverythingAllowed",
    "Final",
    "Studio",
    "UserClient",
    "make_studio",
]
