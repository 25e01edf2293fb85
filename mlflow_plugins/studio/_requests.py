"""Requests that a browser makes without our script, such as a frame's: no workspace header."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from flask import request
from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES
from mlflow.utils.workspace_context import ServerWorkspaceContext

P = ParamSpec("P")
R = TypeVar("R")


def in_workspace_of_address(view: Callable[P, R]) -> Callable[P, R]:
    """Let a view work in the workspace that ``?workspace=`` names."""

    @functools.wraps(view)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        workspace = request.args.get("workspace")
        if not workspace or not has_workspaces():
            return view(*args, **kwargs)
        with ServerWorkspaceContext(workspace):
            return view(*args, **kwargs)

    return call


def has_workspaces() -> bool:
    """Tell whether the server keeps several workspaces."""
    return bool(MLFLOW_ENABLE_WORKSPACES.get())  # type: ignore[no-untyped-call]
