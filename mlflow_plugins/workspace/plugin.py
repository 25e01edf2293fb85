"""Starts ``mlflow server`` so that it ends with whoever started it, bootstrapping logins first.

MLflow bootstraps its user database before the workers start for the app name ``basic-auth`` only;
for an app that wraps it, several workers would race through the same migration and die. So this
launcher does what ``mlflow server`` does for its own app, and then becomes ``mlflow server``.

It is run as a file and imports nothing of ours, since that would import MLflow: seconds before
``mlflow server`` spends the same again.
"""

import argparse
import ctypes
import os
import secrets
import signal
import sys
from pathlib import Path

_SET_DEATH_SIGNAL = 1  # linux/prctl.h


def launch_command(*, bootstraps_auth: bool = False) -> list[str]:
    """Return the command that becomes ``mlflow server`` with the arguments that follow it.

    The server ends with this process.

    Args:
        bootstraps_auth: Whether to make MLflow's database of users first.
    """
    options = ["--bootstrap-auth"] if bootstraps_auth else []
    parent = ["--parent-pid", str(os.getpid())]
    return [sys.executable, "-P", str(Path(__file__)), *parent, *options, "--"]


def main(arguments: list[str]) -> None:
    """Run ``python plugin.py [options] -- SERVER_ARGUMENTS``."""
    split = arguments.index("--")
    parser = argparse.ArgumentParser(prog="plugin.py")
    parser.add_argument("--parent-pid", type=int)
    parser.add_argument("--bootstrap-auth", action="store_true")
    options = parser.parse_args(arguments[:split])
    if options.parent_pid is not None:
        _exit_with_parent(options.parent_pid)
    if options.bootstrap_auth:
        bootstrap_authentication()
    os.execv(  # noqa: S606 - becoming the server is the purpose; no shell is involved
        sys.executable, [sys.executable, "-m", "mlflow", "server", *arguments[split + 1 :]]
    )


def _exit_with_parent(parent_pid: int) -> None:
    """Do as `core.processes.exit_with_parent`; the kernel remembers it across exec."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGTERM)
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), signal.SIGTERM)


def bootstrap_authentication() -> None:
    """Create MLflow's user database and its admin once, before any server process exists."""
    from mlflow.server.auth import bootstrap_admin_user

    bootstrap_admin_user()
    os.environ["_MLFLOW_AUTH_ADMIN_BOOTSTRAPPED"] = "true"
    os.environ["_MLFLOW_INTERNAL_GATEWAY_AUTH_TOKEN"] = secrets.token_hex(32)


if __name__ == "__main__":
    main(sys.argv[1:])
