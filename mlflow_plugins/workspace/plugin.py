"""Starts ``mlflow server`` so that it ends with whoever started it, bootstrapping logins first.

MLflow bootstraps its user database before the workers start for the app name ``basic-auth`` only;
for an app that wraps it, several workers would race through the same migration and die. So this
launcher does what ``mlflow server`` does for its own app, and then becomes ``mlflow server``.
"""

import argparse
import os
import secrets
import sys

from mlflow_plugins.core.processes import exit_with_parent


def main(arguments: list[str]) -> None:
    """Run ``python -m mlflow_plugins.workspace.plugin [options] -- SERVER_ARGUMENTS``."""
    split = arguments.index("--")
    parser = argparse.ArgumentParser(prog="mlflow_plugins.workspace.plugin")
    parser.add_argument("--parent-pid", type=int)
    parser.add_argument("--bootstrap-auth", action="store_true")
    options = parser.parse_args(arguments[:split])
    if options.parent_pid is not None:
        exit_with_parent(options.parent_pid)  # the kernel remembers it across exec
    if options.bootstrap_auth:
        bootstrap_authentication()
    os.execv(  # noqa: S606 - becoming the server is the purpose; no shell is involved
        sys.executable, [sys.executable, "-m", "mlflow", "server", *arguments[split + 1 :]]
    )


def bootstrap_authentication() -> None:
    """Create MLflow's user database and its admin once, before any server process exists."""
    from mlflow.server.auth import bootstrap_admin_user

    bootstrap_admin_user()
    os.environ["_MLFLOW_AUTH_ADMIN_BOOTSTRAPPED"] = "true"
    os.environ["_MLFLOW_INTERNAL_GATEWAY_AUTH_TOKEN"] = secrets.token_hex(32)


if __name__ == "__main__":
    main(sys.argv[1:])
