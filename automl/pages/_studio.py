"""What the pages need of the studio that shows them, and where they are."""

from collections.abc import Sequence
from typing import Any, Protocol

from mlflow import MlflowClient

LIST, NEW, DETAIL = "/automl", "/automl/new", "/automl/<run_id>"


class Studio(Protocol):
    """What the pages need of the studio that shows them."""

    ui: Any
    Done: Any
    Final: Any

    def add_page(self, path: str, layout: Any, *, title: str, **place: Any) -> None:
        """Add a page."""

    def callback(self, *arguments: Any, **options: Any) -> Any:
        """Register a Dash callback."""

    def live(self, name: str, render: Any, *, seconds: float = 2.0) -> Any:
        """Register a part of a page that renews itself."""

    def action(self, name: str, handler: Any) -> Any:
        """Register something that a user can do."""

    def outcome(self, name: str, fields: Sequence[Any], render: Any) -> Any:
        """Register a part that shows what would come of a form's fields."""

    def client(self) -> MlflowClient:
        """Return a client with the present user's rights."""

    def assets(self) -> Any:
        """Return the store of data assets."""

    def preview(self, asset: Any, *, n_rows: int = 100) -> list[dict[str, Any]]:
        """Return the first rows of a data asset."""

    def submit_job(self, document: dict[str, Any], *, experiment_name: str) -> Any:
        """Queue a job."""

    def job(self, run_id: str) -> Any:
        """Read a job."""

    def cancel_job(self, run_id: str) -> None:
        """Ask for the end of a job."""

    def job_log(self, run_id: str) -> Any:
        """Return a job's growing log."""

    def link(self, path: str, **values: object) -> str:
        """Return the address of a page."""

    def mlflow_link(self, path: str) -> str:
        """Return the address of a page of the MLflow UI."""
