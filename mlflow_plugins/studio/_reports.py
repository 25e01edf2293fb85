"""HTML files of runs, shown in a frame as pages of a stranger."""

from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import mlflow.artifacts
from flask import Flask, Response, request

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.studio._failures import failure_of, http_status
from mlflow_plugins.studio._requests import in_workspace_of_address
from mlflow_plugins.studio._security import REPORT_POLICY
from mlflow_plugins.studio._studio import Studio


def add_report_route(server: Flask, studio: Studio, prefix: str) -> None:
    """Serve ``_report?run_id=…&path=…``: an HTML artifact with no rights at all.

    Whoever can write to a run can put any script into its files, so the answer's content policy
    gives the page an origin of its own and forbids it every request.
    """

    @server.get(prefix + "_report", endpoint="studio_report")
    @in_workspace_of_address
    def report() -> Response:
        try:
            text = _read_html(studio, request.args.get("run_id", ""), request.args.get("path", ""))
        except Exception as error:  # noqa: BLE001 - shown to the user, logged if unexpected
            problem = failure_of(error)
            code = http_status(error)
            return Response(problem.message, code, mimetype="text/plain")
        answer = Response(text, mimetype="text/html")
        answer.headers["Content-Security-Policy"] = REPORT_POLICY
        return answer


def _read_html(studio: Studio, run_id: str, path: str) -> str:
    parts = PurePosixPath(path)
    if parts.suffix != ".html" or parts.is_absolute() or ".." in parts.parts:
        raise InvalidInput(f"{path!r} is not the path of an HTML file of a run.")
    client = studio.client()
    client.get_run(run_id)  # whoever may not see the run may not see its files
    with TemporaryDirectory() as folder:
        local = mlflow.artifacts.download_artifacts(
            run_id=run_id, artifact_path=path, dst_path=folder, tracking_uri=client.tracking_uri
        )
        return Path(local).read_text(encoding="utf-8")
