"""Puts the studio onto MLflow's Flask app."""

import logging
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from dash import Dash, html
from flask import Flask
from mlflow import MlflowClient

from mlflow_plugins.core import Settings
from mlflow_plugins.studio._access import Access
from mlflow_plugins.studio._actions import notify_failure
from mlflow_plugins.studio._calls import add_call_route
from mlflow_plugins.studio._reports import add_report_route
from mlflow_plugins.studio._security import protect
from mlflow_plugins.studio._shell import add_shell
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio._uploads import add_upload_routes
from mlflow_plugins.studio.pages import about

PAGES = "mlflow_studio.pages"

# The colour scheme is set before anything is drawn, so that a dark page never flashes white.
_INDEX = """<!DOCTYPE html>
<html lang="en">
    <head>
        {%metas%}
        <title>{%title%}</title>
        {%favicon%}
        <script src="ASSETS/scheme.js"></script>
        {%css%}
    </head>
    <body>
        {%app_entry%}
        <footer>
            {%config%}
            {%scripts%}
            {%renderer%}
        </footer>
    </body>
</html>"""


def make_studio(
    server: Flask,
    *,
    static_prefix: str,
    make_client: Callable[[], MlflowClient],
    access: Access,
    settings: Settings,
    points: list[EntryPoint] | None = None,
) -> Studio:
    """Add the studio to a Flask app, with every page that is installed.

    Args:
        server: MLflow's app; no request may have come yet.
        static_prefix: What every address of the server begins with, or an empty text.
        make_client: Returns a client with the rights of the present request's user.
        access: What that user may do.
        settings: Limits and intervals.
        points: The entry points of the pages; all that are installed if None.
    """
    prefix = f"{static_prefix.rstrip('/')}/studio/"
    assets = Path(__file__).parent / "assets"
    app = Dash(
        "mlflow_plugins.studio",
        server=server,  # type: ignore[arg-type]
        url_base_pathname=prefix,
        assets_folder=str(assets),
        assets_ignore=r"scheme\.js|studio-link\.js",
        index_string=_INDEX.replace("ASSETS", f"{prefix}assets"),
        title="MLflow Studio",
        update_title="",
        suppress_callback_exceptions=True,
        serve_locally=True,
        add_log_handler=False,
        on_error=notify_failure,
    )
    # Dash prints at its own level for every request otherwise; errors go through our own logger.
    app.logger.setLevel(logging.WARNING)
    studio = Studio(app, prefix=prefix, make_client=make_client, access=access, settings=settings)
    protect(server, prefix, lambda: list(app.csp_hashes()))
    add_upload_routes(server, studio, prefix)
    add_report_route(server, studio, prefix)
    add_call_route(server, prefix, studio.handlers)
    if points is None:
        points = sorted(entry_points(group=PAGES), key=lambda point: point.name)
    studio.load(points)
    about.register(studio)  # not through the door: it says which of the others did not get through
    _finish_setup(app)
    add_shell(app, studio, prefix)
    return studio


def _finish_setup(app: Dash) -> None:
    """Do now what Dash does during the first request.

    Dash lets other requests that come meanwhile through to an app that is half set up: they are
    told that its scripts do not exist.
    """
    app.layout = html.Div()
    app._setup_server()  # type: ignore[no-untyped-call]
