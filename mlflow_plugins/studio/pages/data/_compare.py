"""Two versions of a table beside one another: schema and drift, computed beside the request."""

import contextlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dash import html
from dash.development.base_component import Component
from mlflow import MlflowClient
from mlflow.utils.workspace_context import ServerWorkspaceContext

from mlflow_plugins.core import Asset, AssetStore
from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._failures import failure_of
from mlflow_plugins.studio._import_start import client_beside
from mlflow_plugins.studio._live import Final
from mlflow_plugins.studio._noted_work import NotedWork, read_json, write_json
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.data._glance_view import diff_note, schema_diff
from mlflow_plugins.studio.pages.data._places import COMPARE, DATA, DETAIL

if TYPE_CHECKING:
    from mlflow_plugins.data.explore import ColumnDrift, TableComparison

_RESULT = "comparison.json"
_MOST_SHOWN = 100
_LEVELS = {
    "none": ("Little", "good"),
    "moderate": ("Moderate", "warn"),
    "strong": ("Strong", "bad"),
}
# One comparison at a time in a process: each reads samples of two tables into memory.
_TURN = threading.Lock()


class ComparePage:
    """The page of two versions; its address has both."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._drift = studio.live("data-drift", self._render, seconds=1)
        self._again = studio.action("data-drift-again", self._on_again)
        studio.add_page(COMPARE, self.page, title="Compare versions")

    def page(self, name: str, old: str, new: str) -> Component:
        """Show what has changed from one version to the other."""
        studio = self._studio
        pair = self._pair(name, old, new)
        swap = ui.button_link(
            "Swap", studio.link(COMPARE, name=name, old=new, new=old), is_primary=False
        )
        columns = [(str(one["name"]), str(one["type"])) for one in pair[1].spec.get("schema", [])]
        return ui.page(
            f"{name}: {old} and {new}",
            diff_note("Columns", schema_diff(pair[0].spec.get("schema", []), columns)),
            _sizes(*pair),
            self._drift(name=name, old=old, new=new),
            subtitle=f"What has changed from version {old} to version {new}.",
            actions=[swap],
            back=("Versions", studio.link(DETAIL, name=name, version=new, tab="versions")),
        )

    def _pair(self, name: str, old: str, new: str) -> tuple[Asset, Asset]:
        store = self._studio.assets()
        return store.get(DATA, name, old), store.get(DATA, name, new)

    def _render(self, name: str, old: str, new: str) -> Any:
        """Show the drift; begin to compute it if nobody has yet."""
        from mlflow_plugins.data.explore import TableComparison

        pair = self._pair(name, old, new)  # whoever asks may see both
        work = _work_of(*pair)
        if (kept := read_json(work.folder / _RESULT)) is not None:
            with contextlib.suppress(Exception):  # one of another version of this package
                return Final(_drift_view(TableComparison.from_dict(kept), old, new))
        state = work.state()
        if state.get("phase") == "failed":
            again = self._again.button("Try again", name=name, old=old, new=new)
            return Final([ui.note(state["message"], title="Not compared", color="red"), again])
        if state.get("phase") != "running":
            self._start(work, *pair)
        return html.P([ui.badge("Running"), " Comparing the values of each column…"], role="status")

    def _start(self, work: NotedWork, old: Asset, new: Asset) -> None:
        client = client_beside(self._studio, (DATA, "datastore"), is_change=False)
        if work.start("compare"):
            arguments = (work, client, old, new, self._studio.workspace)
            threading.Thread(target=_compare, args=arguments, daemon=True).start()

    def _on_again(self, name: str, old: str, new: str) -> Any:
        pair = self._pair(name, old, new)
        self._start(_work_of(*pair), *pair)
        return self._studio.Done(go_to=self._studio.link(COMPARE, name=name, old=old, new=new))


def _work_of(old: Asset, new: Asset) -> NotedWork:
    from mlflow_plugins.data import cache_folder

    folder = cache_folder() / "comparisons" / f"{old.record_id}-{new.record_id}"
    folder.mkdir(parents=True, exist_ok=True)
    return NotedWork(folder)


def _compare(
    work: NotedWork, client: MlflowClient, old: Asset, new: Asset, workspace: str | None
) -> None:
    with _TURN, ServerWorkspaceContext(workspace) if workspace else contextlib.nullcontext():
        try:
            found = _compared(AssetStore(client), old, new, work.folder)
            write_json(work.folder / _RESULT, found.to_dict())
        except Exception as error:  # noqa: BLE001 - shown to the user, logged if unexpected
            work.note(phase="failed", message=failure_of(error).message)
            return
        work.note(phase="done")


def _compared(store: AssetStore, old: Asset, new: Asset, folder: Path) -> "TableComparison":
    from mlflow_plugins.data import open_asset
    from mlflow_plugins.data.explore import Limits, compare

    limits = Limits(memory="1GB", temp_folder=folder / "spill")
    with (
        open_asset(store, old, limits=limits) as was,
        open_asset(store, new, limits=limits) as now,
    ):
        return compare(was, now)


# ---------------------------------------------------------------- what is shown


def _sizes(old: Asset, new: Asset) -> Component:
    rows = [
        ["Rows", *(ui.number(one.spec.get("n_rows")) for one in (old, new))],
        ["Columns", *(ui.number(len(one.spec.get("schema", []))) for one in (old, new))],
        ["Size", *(ui.size(one.spec.get("size_bytes", 0)) for one in (old, new))],
        ["Created", *(ui.ago(one.created_at) for one in (old, new))],
        ["By", *(one.created_by for one in (old, new))],
    ]
    headings = ["", f"Version {old.version}", f"Version {new.version}"]
    return ui.table(headings, rows, label="Both versions")


def _drift_view(found: "TableComparison", old: str, new: str) -> Component:
    n_strong = sum(one.level == "strong" for one in found.columns)
    n_moderate = sum(one.level == "moderate" for one in found.columns)
    basis = (
        "All rows of both are compared."
        if found.is_exact
        else f"{found.old_sample:,} and {found.new_sample:,} rows, drawn at random, are compared."
    )
    shown = found.columns[:_MOST_SHOWN]
    more = (
        f" The {len(shown)} columns with the strongest drift of {len(found.columns):,} are shown."
        if len(shown) < len(found.columns)
        else ""
    )
    headings = [
        *("Column", "Drift", "Values", "PSI", "JS", "Test", "p", "Wasserstein"),
        "Missing",
    ]
    return ui.card(
        "Drift",
        ui.tiles(
            {
                "strong drift": str(n_strong),
                "moderate drift": str(n_moderate),
                "columns compared": ui.number(len(found.columns)),
            }
        ),
        html.P(basis + more, className="studio-dim"),
        html.P(
            [
                html.I(className="studio-key old"),
                f"version {old} ",
                html.I(className="studio-key new"),
                f"version {new}",
            ],
            className="studio-dim",
        ),
        ui.table(headings, [_row(one) for one in shown], label="Drift of each column"),
        html.P(
            "PSI: population stability index over deciles of the old values or over categories; "
            "strong from 0.25, moderate from 0.1. JS: Jensen-Shannon distance, 0 to 1. Test: "
            "Kolmogorov-Smirnov for numbers and dates, chi square for categories. Wasserstein: in "
            "the column's unit; dates in days.",
            className="studio-dim",
        ),
    )


def _row(one: "ColumnDrift") -> list[Any]:
    words, tone = _LEVELS.get(one.level or "", ("No values", "plain"))
    test = {"ks": "KS", "chi2": "χ²"}.get(one.test or "", "")
    return [
        html.Code(one.name),
        html.Span(words, className=f"studio-badge {tone}"),
        _bars(one),
        ui.number(one.psi, 3),
        ui.number(one.jensen_shannon, 3),
        f"{test} {ui.number(one.statistic, 3)}" if test else "-",
        ui.number(one.p_value, 3),
        ui.number(one.wasserstein, 3),
        f"{_percent(one.old_missing)}, {_percent(one.new_missing)}",
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _bars(one: "ColumnDrift") -> Component:
    """Return both distributions, bin by bin beside one another."""
    most = max([*one.old_shares, *one.new_shares, 1e-9])
    pairs = [
        html.Span(
            [_bar(old / most, "old"), _bar(new / most, "new")],
            title=f"{label}: {_percent(old)}, now {_percent(new)}",
        )
        for label, old, new in zip(one.labels, one.old_shares, one.new_shares, strict=True)
    ]
    words = ", ".join(_told(one.labels, one.old_shares, one.new_shares))
    return html.Span(
        pairs,
        className="studio-drift",
        role="img",
        **ui.attributes(aria_label=f"Values of {one.name}: {words}"),
    )


def _told(labels: Sequence[str], old: Sequence[float], new: Sequence[float]) -> list[str]:
    moved = sorted(zip(labels, old, new, strict=True), key=lambda x: -abs(x[1] - x[2]))
    return [f"{label} {_percent(a)}, now {_percent(b)}" for label, a, b in moved[:3]]


def _bar(height: float, which: str) -> Component:
    return html.I(style={"height": f"{max(100 * height, 2):.0f}%"}, className=which)
