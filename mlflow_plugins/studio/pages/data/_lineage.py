"""Where a version came from and where it went: a graph, and a table of all of it."""

import json
from typing import Any

from dash import html
from dash.development.base_component import Component
from mlflow.entities import Run

from mlflow_plugins.core import Asset
from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.data._lineage_graph import Graph, Node, laid_out
from mlflow_plugins.studio.pages.data._places import DETAIL

_JOB = "studio.job"  # the tag of a job's run
_MOST_NODES = 8


class LineageTab:
    """The tab with what made a version, what used it, and which models came of that."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def section(self, asset: Asset) -> Component:
        """Show the graph and the table."""
        from mlflow_plugins.data import lineage

        found = lineage(self._studio.assets(), asset)
        graph = self._graph(asset, found)
        is_alone = len(graph.nodes) == 1
        hint = (
            "No run has made or used this version yet. Name it as an input of a job, or log it in "
            "a run of your own: the tab Consume shows how."
        )
        return ui.stack(
            [
                ui.note(hint) if is_alone else self._drawing(asset, graph),
                ui.card("Runs that used it", self._runs(found.used_by)),
                ui.card("Models that came of these runs", self._models(found.models)),
            ]
        )

    # ------------------------------------------------------------ the graph

    def _graph(self, asset: Asset, found: Any) -> Graph:
        studio = self._studio
        own = Node(
            key="asset",
            kind="data",
            title=f"{asset.name}:{asset.version}",
            subtitle="this version",
            href="",
            column=2,
        )
        nodes, edges = [own], []
        origin = asset.spec.get("imported_from")
        if found.made_by is not None:
            made = self._run_node(found.made_by, "made", column=1)
            nodes.append(made)
            edges.append(("made", "asset"))
            for name, version in _inputs_of(found.made_by)[:_MOST_NODES]:
                key = f"input-{name}-{version}"
                address = studio.link(DETAIL, name=name, version=version, tab="lineage")
                nodes.append(
                    Node(
                        key=key,
                        kind="data",
                        title=f"{name}:{version}",
                        subtitle="data asset",
                        href=address,
                        column=0,
                    )
                )
                edges.append((key, "made"))
        elif origin:
            nodes.append(
                Node(
                    key="origin",
                    kind="place",
                    title=str(origin),
                    subtitle="imported from",
                    href="",
                    column=1,
                )
            )
            edges.append(("origin", "asset"))
        self._add_uses(found, nodes, edges)
        return laid_out(nodes, edges)

    def _add_uses(self, found: Any, nodes: list[Node], edges: list[tuple[str, str]]) -> None:
        with_models = {one.run_id for one in found.models}
        # Runs that models came of are the ones to see where there is no room for all.
        runs = sorted(found.used_by, key=lambda run: run.info.run_id not in with_models)
        for run in runs[:_MOST_NODES]:
            nodes.append(self._run_node(run, run.info.run_id, column=3))
            edges.append(("asset", run.info.run_id))
        shown = {run.info.run_id for run in runs[:_MOST_NODES]}
        if len(runs) > _MOST_NODES:
            nodes.append(_more(len(runs) - _MOST_NODES, "runs", column=3))
            edges.append(("asset", "more-runs"))
        models = [one for one in found.models if one.run_id in shown]
        for model in models[:_MOST_NODES]:
            key = f"model-{model.name}-{model.version}"
            nodes.append(
                Node(
                    key=key,
                    kind="model",
                    title=f"{model.name}:{model.version}",
                    subtitle="model",
                    href=self._studio.link("/models/<name>", name=model.name),
                    column=4,
                )
            )
            edges.append((model.run_id, key))
        if len(models) > _MOST_NODES:
            nodes.append(_more(len(models) - _MOST_NODES, "models", column=4))

    def _run_node(self, run: Run, key: str, *, column: int) -> Node:
        kind = "job" if _JOB in run.data.tags else "run"
        return Node(
            key=key,
            kind=kind,
            title=run.info.run_name or run.info.run_id[:8],
            subtitle=f"{kind}, {run.info.status.lower()}",
            href=self._address_of(run),
            column=column,
            is_outside=kind == "run",
        )

    def _address_of(self, run: Run) -> str:
        if _JOB in run.data.tags:
            return self._studio.link("/jobs/<run_id>", run_id=run.info.run_id)
        place = f"experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
        return self._studio.mlflow_link(place)

    def _drawing(self, asset: Asset, graph: Graph) -> Component:
        words = f"Lineage of {asset.name}:{asset.version}"
        return html.Div(
            className="studio-lineage",
            role="group",
            **ui.attributes(data_graph=json.dumps(graph.to_dict()), aria_label=words),
        )

    # ------------------------------------------------------------ the tables

    def _runs(self, runs: Any) -> Component:
        if not runs:
            return html.P("None yet.", className="studio-dim")
        rows = []
        for run in runs[:200]:
            is_job = _JOB in run.data.tags
            name = run.info.run_name or run.info.run_id
            address = self._address_of(run)
            rows.append(
                [
                    ui.link(name, address) if is_job else ui.outside(name, address),
                    "job" if is_job else "run",
                    ui.badge(run.info.status.capitalize()),
                    ui.ago(run.info.start_time / 1000),
                    run.data.tags.get("mlflow.user", ""),
                ]
            )
        more = f" The newest {len(rows)} of {len(runs):,}." if len(runs) > len(rows) else ""
        return html.Div(
            [
                ui.table(["Run", "Kind", "Status", "Started", "By"], rows, label="Runs"),
                html.P(more, className="studio-dim"),
            ]
        )

    def _models(self, models: Any) -> Component:
        if not models:
            return html.P("None yet.", className="studio-dim")
        rows = [
            [
                ui.link(one.name, self._studio.link("/models/<name>", name=one.name)),
                ui.tag(str(one.version)),
                html.Code(one.run_id[:8]),
            ]
            for one in models[:200]
        ]
        return ui.table(["Model", "Version", "Run"], rows, label="Models")


def _more(count: int, what: str, *, column: int) -> Node:
    return Node(
        key=f"more-{what}",
        kind="more",
        title=f"{count:,} more {what}",
        subtitle="in the table below",
        href="",
        column=column,
    )


def _inputs_of(run: Run) -> list[tuple[str, str]]:
    """Return the data assets that a run used, as names and versions."""
    found = []
    for one in run.inputs.dataset_inputs if run.inputs else ():
        if one.dataset.source_type != "studio":
            continue
        source = json.loads(one.dataset.source)
        found.append((str(source["name"]), str(source["version"])))
    return found
