"""A workspace on this machine: one folder, one MLflow server with the studio, one agent."""

from mlflow_plugins.workspace._folder import WorkspaceFolder
from mlflow_plugins.workspace._supervisor import Child, Supervisor
from mlflow_plugins.workspace._up import UpOptions, up

__all__ = ["Child", "Supervisor", "UpOptions", "WorkspaceFolder", "up"]
