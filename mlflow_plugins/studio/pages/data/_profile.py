"""The profile of a table: figures of every column, what to look at, how columns hang together."""

import time
from typing import TYPE_CHECKING, Any

import dash_ag_grid as dag
from dash import html
from dash.development.base_component import Component

from mlflow_plugins.core import Asset
from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.data._answers import check_page
from mlflow_plugins.studio.pages.data._places import DATA
from mlflow_plugins.studio.pages.data._profiles import Profiles, Work

if TYPE_CHECKING:
    from mlflow_plugins.data.explore import ColumnProfile, TableProfile

_GRID = "studio-data-figures"
_MOST_CARDS = 50
_MOST_SUSPICIONS = 200
_N_ASSOCIATED = 40
_N_PATTERNS = 12


class Profile:
    """The tab with a table's profile; ``assets/data-profile.js`` asks for it and draws it."""

    def __init__(self, studio: Studio, profiles: Profiles) -> None:
        self._studio = studio
        self._profiles = profiles
        studio.answer("data-profile", self.whole)
        studio.answer("data-profile-columns", self.columns)

    def section(self, asset: Asset) -> Component:
        """Return the places that the script fills."""
        return html.Div(
            [html.Div(className="above"), _grid(), html.Div(className="below")],
            className="studio-data-profile",
            **ui.attributes(
                data_calls=self._studio.call_link(),
                data_name=asset.name,
                data_version=asset.version,
            ),
        )

    def whole(
        self, name: str, version: str | None = None, target: str | None = None
    ) -> dict[str, Any]:
        """Return the profile without its columns' details, or ``working_s`` while it is computed.

        With a target, ``columns`` say what each says about the target.
        """
        found = self._ask(name, version, target)
        if isinstance(found, Work):
            return {"working_s": _age(found)}
        return about_table(found)

    def columns(
        self,
        name: str,
        version: str | None = None,
        *,
        search: str = "",
        offset: int = 0,
        limit: int = 24,
    ) -> dict[str, Any]:
        """Return the profiles of some columns whose names contain a text."""
        check_page(offset, limit, most=_MOST_CARDS)
        found = self._ask(name, version, None)
        if isinstance(found, Work):
            return {"working_s": _age(found)}
        return about_columns(found, str(search), offset, limit)

    def _ask(self, name: str, version: str | None, target: str | None) -> "TableProfile | Work":
        store = self._studio.assets()
        asset = store.get(DATA, name, version)
        return self._profiles.ask(store, asset, target or None)


def about_table(profile: "TableProfile") -> dict[str, Any]:
    """Return what a page shows of a profile before anybody looks at single columns."""
    n_cells = profile.n_rows * max(1, len(profile.columns))
    kinds: dict[str, int] = {}
    for column in profile.columns:
        kinds[column.type] = kinds.get(column.type, 0) + 1
    document = profile.to_dict()
    return {
        "n_rows": profile.n_rows,
        "n_columns": len(profile.columns),
        "n_duplicate_rows": profile.n_duplicate_rows,
        "missing_share": sum(one.n_missing for one in profile.columns) / max(1, n_cells),
        "kinds": kinds,
        "is_exact": profile.is_exact,
        "sample_size": profile.sample_size,
        "n_suspicions": len(profile.suspicions),
        "suspicions": document["suspicions"][:_MOST_SUSPICIONS],
        "associations": document["associations"],
        "association_columns": document["association_columns"],
        "missing": document["missing"]
        | {"patterns": document["missing"]["patterns"][:_N_PATTERNS]},
        "target": profile.target,
        "target_associations": document["target_associations"][:_N_ASSOCIATED],
        "figures": [figures(column) for column in profile.columns],
    }


def about_columns(profile: "TableProfile", search: str, offset: int, limit: int) -> dict[str, Any]:
    """Return single columns in full, with what was noticed about them."""
    words = search.strip().lower()
    found = [one for one in profile.columns if words in one.name.lower()]
    shown = found[offset : offset + limit]
    names = {one.name for one in shown}
    noted: dict[str, list[dict[str, str]]] = {}
    for one in profile.suspicions:
        for name in names.intersection(one.columns):
            noted.setdefault(name, []).append({"kind": one.kind, "reason": one.reason})
    by_name = {one["name"]: one for one in profile.to_dict()["columns"] if one["name"] in names}
    return {
        "n_found": len(found),
        "columns": [by_name[one.name] | {"noted": noted.get(one.name, [])} for one in shown],
    }


def figures(column: "ColumnProfile") -> list[Any]:
    """Return a column's line in the table of figures; its head is in ``data-profile.js``."""
    numbers, texts = column.numbers, column.texts
    quantiles = {one.q: one.value for one in column.quantiles}
    top = column.top_values[0] if column.top_values else None
    return [
        column.name,
        column.type,
        list(column.histogram.counts)
        if column.histogram
        else [one.count for one in column.top_values[:20]],
        ", ".join(f"{one.type} {one.count:,}" for one in column.type_distribution),
        column.minimum,
        column.maximum,
        column.count,
        column.n_not_missing,
        column.n_missing,
        column.n_missing / column.count if column.count else None,
        column.n_distinct,
        *(quantiles.get(q) for q in (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)),
        *(
            (
                numbers.mean,
                numbers.std,
                numbers.variance,
                numbers.skewness,
                numbers.kurtosis,
                numbers.n_zeros,
                numbers.n_negative,
                numbers.n_infinite,
                numbers.n_outliers,
            )
            if numbers
            else [None] * 9
        ),
        *(
            (texts.min_length, texts.mean_length, texts.max_length, texts.n_empty, texts.n_blank)
            if texts
            else [None] * 5
        ),
        f"{top.value[:80]} ({top.count:,})" if top else None,
        ", ".join(column.approximate) or None,
    ]


def _age(work: Work) -> float:
    return round(time.monotonic() - work.began, 1)


def _grid() -> Component:
    grid: Component = dag.AgGrid(
        id=_GRID,
        rowData=[],
        columnDefs=[],
        defaultColDef={"sortable": True, "resizable": True, "filter": True, "width": 120},
        dashGridOptions={
            "animateRows": False,
            "rowHeight": 32,
            "headerHeight": 36,
            "enableCellTextSelection": True,
        },
        style={"height": "380px"},
        className="studio-grid studio-data-figures",
    )
    return html.Div(grid, role="region", hidden=True, **ui.attributes(aria_label="Figures"))
