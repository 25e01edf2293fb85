"""`Studio`: what a page may use. Pages know nothing else of this package."""

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import flask
from dash import Dash
from dash.development.base_component import Component
from mlflow import MlflowClient
from mlflow.utils.workspace_context import get_request_workspace

from mlflow_plugins.core import AlreadyExists, Asset, AssetStore, InvalidInput, NotFound, Settings
from mlflow_plugins.studio import _components
from mlflow_plugins.studio._access import Access, UserClient
from mlflow_plugins.studio._actions import Action, Done
from mlflow_plugins.studio._calls import Handler
from mlflow_plugins.studio._live import Final, live_section
from mlflow_plugins.studio._log_view import log_view
from mlflow_plugins.studio._outcome import outcome_section
from mlflow_plugins.studio._requests import has_workspaces
from mlflow_plugins.studio._routing import Page, fill

if TYPE_CHECKING:
    from mlflow_plugins.jobs import Job

_LOGGER = logging.getLogger("mlflow_plugins.studio")


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePlugin:
    """One entry point of the group ``mlflow_studio.pages``, and the error that kept it out."""

    name: str
    target: str
    distribution: str
    error: str = ""


class Studio:
    """The studio as a page sees it; handed to every ``register(studio)``.

    Attributes:
        ui: The parts that pages are made of, see `mlflow_plugins.studio._components`.
        settings: Limits and intervals.
        access: What the user of the present request may do.
        plugins: The entry points that were asked for pages.
    """

    Done = Done
    Final = Final

    def __init__(
        self,
        app: Dash,
        *,
        prefix: str,
        make_client: Callable[[], MlflowClient],
        access: Access,
        settings: Settings,
    ) -> None:
        self.ui: ModuleType = _components
        self.settings = settings
        self.access = access
        self.plugins: list[PagePlugin] = []
        self._app = app
        self._prefix = prefix
        self._make_client = make_client
        self._pages: list[Page] = []
        self._handlers: dict[str, Handler] = {}
        self._registering = ""
        self._log_view = log_view(app, self.client)

    # ------------------------------------------------------------ what pages register

    def add_page(
        self,
        path: str,
        layout: Callable[..., Any],
        *,
        title: str,
        icon: str | None = None,
        section: str = "",
        order: int = 100,
    ) -> None:
        """Add a page.

        Args:
            path: Below ``/studio``, such as ``/jobs/<run_id>``.
            layout: Returns components; called with the values of the path, and those of the query
                that it has parameters for. May raise our own errors.
            title: For the browser's tab and the navigation.
            icon: A name from ``studio.css``; without one the page is not in the navigation.
            section: Heading in the navigation.
            order: Place in the navigation.

        Raises:
            AlreadyExists: There is such a page.
            InvalidInput: A page whose path has variables cannot be in the navigation.
        """
        if icon is not None and "<" in path:
            raise InvalidInput(
                f"The page {path!r} has an icon, which puts it into the navigation, but its path "
                "has variables. Leave the icon out."
            )
        if any(page.path == path for page in self._pages):
            raise AlreadyExists(f"There is a page {path!r} already. Choose another path.")
        page = Page(
            path=path,
            title=title,
            layout=layout,
            icon=icon,
            section=section,
            order=order,
            plugin=self._registering,
        )
        self._pages.append(page)

    def callback(self, *arguments: Any, **options: Any) -> Callable[[Callable[..., Any]], Any]:
        """Register a Dash callback: ``dash.callback`` of this studio.

        What it raises is shown to the user as a passing notice.
        """
        decorate: Callable[[Callable[..., Any]], Any] = self._app.callback(*arguments, **options)
        return decorate

    def answer(self, name: str, handler: Handler) -> None:
        """Answer a question of a page's own script: see `_calls.add_call_route`.

        Args:
            name: Unique among all; the script posts its arguments to `call_link`.
            handler: Returns what JSON can hold; may raise our own errors. It must check by itself
                that the user may see what it returns, best by reading the asset with `assets`.
        """
        if name in self._handlers:
            raise AlreadyExists(f"There is an answer {name!r} already. Choose another name.")
        self._handlers[name] = handler

    def live(
        self, name: str, render: Callable[..., Any], *, seconds: float = 2.0
    ) -> Callable[..., Component]:
        """Register a part of a page that renews itself; see `_live.live_section`."""
        return live_section(self._app, name, render, seconds=seconds)

    def action(self, name: str, handler: Callable[..., Any]) -> Action:
        """Register something that a user can do; the handler returns `Done`; see `Action`."""
        return Action(self._app, name, handler)

    def outcome(
        self, name: str, fields: Sequence[Any], render: Callable[..., Any]
    ) -> Callable[[], Component]:
        """Register a part that shows what would come of fields; see `_outcome.outcome_section`."""
        return outcome_section(self._app, name, fields, render)

    # ------------------------------------------------------------ what pages use

    def client(self) -> MlflowClient:
        """Return a client that may do what the present user may do."""
        return self._make_client()

    def assets(self) -> AssetStore:
        """Return the assets, as far as the present user may see and change them."""
        if "studio_assets" not in flask.g:
            flask.g.studio_assets = AssetStore(self.client())
        store: AssetStore = flask.g.studio_assets
        return store

    def check_edit(self, kind: str) -> None:
        """Make sure that the present user may change assets of a kind, such as ``deployment``.

        Raises:
            NotAllowed: He may not.
        """
        client = self.client()
        if isinstance(client, UserClient):
            place = self.assets().records.experiment_id(kind)
            client.check("experiment", place, is_change=True)

    def preview(self, asset: Asset, *, n_rows: int = 100) -> list[dict[str, Any]]:
        """Return the first rows of a data asset as JSON can hold them.

        Raises:
            InvalidInput: The asset is not a table.
        """
        from mlflow_plugins.data import preview

        table = preview(self.assets(), asset, n_rows=n_rows)
        return [
            {column: _plain(value) for column, value in row.items()} for row in table.to_pylist()
        ]

    def submit_job(self, document: Mapping[str, Any], *, experiment_name: str) -> "Job":
        """Queue a job in the user's name; its run goes to the experiment, made if need be.

        Raises:
            InvalidInput: The document breaks a rule.
            NotAllowed: The user may not write to the experiment or to the queue.
        """
        from mlflow_plugins.jobs import submit

        client = self.client()
        experiment = client.get_experiment_by_name(experiment_name)
        experiment_id = (
            experiment.experiment_id if experiment else client.create_experiment(experiment_name)
        )
        return submit(client, document, base_folder=Path("/"), experiment_id=experiment_id)

    def job(self, run_id: str) -> "Job":
        """Read a job.

        Raises:
            NotFound: The run is not a job's.
        """
        from mlflow_plugins.jobs import get_job

        return get_job(self.client(), run_id)

    def cancel_job(self, run_id: str) -> None:
        """Ask for the end of a job.

        Raises:
            StudioError: It has ended already.
        """
        from mlflow_plugins.jobs import cancel_job

        cancel_job(self.client(), run_id)

    def job_log(self, run_id: str) -> Component:
        """Return a job's log, which grows as the job writes."""
        return self._log_view(run_id)

    def link(self, path: str, **values: object) -> str:
        """Return the address of a page.

        Args:
            path: As the page was registered, such as ``/jobs/<run_id>``.
            values: For the path's variables; the others become its query.
        """
        return self._prefix.rstrip("/") + fill(path, values | self._workspace())

    def mlflow_link(self, path: str) -> str:
        """Return the address of a page of the MLflow UI, such as ``experiments/1``."""
        root = self._prefix.removesuffix("studio/")
        return fill(f"{root}#/{path}", self._workspace())

    def report_link(self, run_id: str, path: str) -> str:
        """Return where an HTML artifact of a run is shown, for use in a frame."""
        return self._prefix + fill("_report", {"run_id": run_id, "path": path} | self._workspace())

    def call_link(self) -> str:
        """Return what the addresses of `answer` begin with."""
        return f"{self._prefix}_call/"

    def _workspace(self) -> dict[str, object]:
        workspace = self.workspace
        return {"workspace": workspace} if workspace else {}

    @property
    def workspace(self) -> str | None:
        """The workspace of the present request; None on a server without workspaces."""
        return get_request_workspace() if has_workspaces() else None

    # ------------------------------------------------------------ what the application uses

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What `answer` was given."""
        return self._handlers

    @property
    def pages(self) -> list[Page]:
        """All pages in the order of the navigation."""
        return sorted(self._pages, key=lambda page: (page.order, page.title))

    def find_page(self, path: str) -> tuple[Page, dict[str, str]]:
        """Find the page of an address below ``/studio``, and the values in it.

        Raises:
            NotFound: There is no such page.
        """
        # A fixed path comes before a pattern that fits as well.
        for page in sorted(self._pages, key=lambda page: "<" in page.path):
            values = page.match(path)
            if values is not None:
                return page, values
        raise NotFound(f"The studio has no page {path!r}. Choose one from the navigation.")

    def load(self, points: list[EntryPoint]) -> None:
        """Ask every entry point for its pages; one that fails is noted and leaves no trace."""
        for point in points:
            error = ""
            try:
                with self._all_or_nothing(point.name):
                    point.load()(self)
            except Exception as problem:
                _LOGGER.exception("The pages of %s (%s) are left out", point.name, point.value)
                error = f"{type(problem).__name__}: {problem}"
            distribution = point.dist.name if point.dist else ""
            self.plugins.append(
                PagePlugin(
                    name=point.name, target=point.value, distribution=distribution, error=error
                )
            )

    @contextmanager
    def _all_or_nothing(self, name: str) -> Iterator[None]:
        app, self._registering = self._app, name
        pages, handlers, callbacks, by_output = (
            list(self._pages),
            dict(self._handlers),
            list(app._callback_list),
            dict(app.callback_map),
        )
        try:
            yield
        except Exception:
            self._pages = pages
            self._handlers.clear()
            self._handlers.update(handlers)
            app._callback_list[:] = callbacks
            app.callback_map.clear()
            app.callback_map.update(by_output)
            raise


def _plain(value: Any) -> Any:
    """Return what JSON can hold; the rest as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, bool | int | float | str | None) else str(value)
