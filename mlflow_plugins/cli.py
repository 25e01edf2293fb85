"""``mlflow-studio``: what the ``mlflow`` command cannot say, gathered from the rooms."""

import importlib
import logging
import sys
from typing import Any

import click
from mlflow.exceptions import MlflowException

_LOGGER = logging.getLogger(__name__)

_COMMANDS = {
    "agent": "mlflow_plugins.workspace._commands:agent_command",
    "apply": "mlflow_plugins.workspace._apply:apply_command",
    "compute": "mlflow_plugins.jobs._compute_commands:commands",
    "data": "mlflow_plugins.data._commands:commands",
    "datastore": "mlflow_plugins.data.datastores._commands:commands",
    "endpoint": "mlflow_plugins.deployments._commands:commands",
    "environment": "mlflow_plugins.jobs.environments._commands:commands",
    "job": "mlflow_plugins.jobs._commands:commands",
    "ray": "mlflow_plugins.jobs._ray_commands:commands",
    "up": "mlflow_plugins.workspace._commands:up_command",
}


class _Commands(click.Group):
    """Imports a room only when its command is asked for, so that every command starts fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mlflow-studio")
def commands() -> None:
    """The Azure Machine Learning experience on an MLflow server that you own."""


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; an error raised on purpose is one line without a traceback."""
    try:
        commands.main(args=arguments, prog_name="mlflow-studio", standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except MlflowException as error:
        _LOGGER.debug("The command failed", exc_info=True)
        click.echo(f"Error: {error.message}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
