"""Computes: where jobs run, what is in use, what waits."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio.pages.jobs import job_rows

if TYPE_CHECKING:
    from mlflow_plugins.jobs import Compute, ComputeStatus, Node

LIST, DETAIL = "/compute", "/compute/<name>"

_KIND = "compute"
_N_JOBS = 25
_GIB = "GiB"
_TYPES = {
    "amlcompute": "Cluster: up to so many jobs at a time, each with a share of the machine",
    "ray": "Ray: jobs run on a Ray cluster",
}
_NUMBERS = {
    "cpus": ("Cores of an instance", "Left empty: an equal share of the machine"),
    "memory_gib": ("Memory of an instance in GiB", "Left empty: what comes with the cores"),
    "min_instances": ("Instances that stay", None),
    "max_instances": ("Most instances at a time", None),
    "idle_time_before_scale_down": ("Seconds until an idle instance goes", None),
}


def register(studio: Studio) -> None:
    """Add the pages."""
    _Computes(studio)


class _Computes:
    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._rows = studio.live("computes", self._list, seconds=3.0)
        self._state = studio.live("compute-state", self._describe, seconds=3.0)
        self._buttons = studio.live("compute-buttons", self._offer, seconds=3.0)
        self._create = studio.action("compute-create", self._on_create)
        self._start = studio.action("compute-start", self._on_start)
        self._stop = studio.action("compute-stop", self._on_stop)
        self._delete = studio.action("compute-delete", self._on_delete)
        studio.add_page(
            LIST, self.overview, title="Compute", icon="compute", section="Manage", order=60
        )
        studio.add_page(DETAIL, self.detail, title="Compute")

    # ------------------------------------------------------------ all computes

    def overview(self) -> Component:
        return ui.page(
            "Compute",
            self._rows(),
            subtitle="Where jobs run, and the machines that do the work.",
            actions=[self._form()],
        )

    def _list(self) -> Any:
        from mlflow_plugins.jobs import list_compute_status, list_nodes

        studio = self._studio
        client = studio.client()
        rows = [
            [
                ui.link(one.compute.name, studio.link(DETAIL, name=one.compute.name)),
                ui.badge(one.state),
                ui.tag(one.compute.type),
                _size(one.compute),
                _instances(one),
                one.queue_length,
                one.compute.description,
            ]
            for one in list_compute_status(client)
        ]
        headings = ["Name", "Status", "Type", "Instance", "In use", "Waiting", "Description"]
        table = ui.table(headings, rows, label="Computes")
        return ui.stack([table, _machines(list_nodes(client))])

    # ------------------------------------------------------------ one compute

    def detail(self, name: str) -> Component:
        from mlflow_plugins.jobs import get_compute

        studio = self._studio
        compute = get_compute(studio.client(), name)
        return ui.page(
            name,
            self._state(name=name),
            subtitle=compute.description or f"A compute of type {compute.type}",
            actions=[self._buttons(name=name)],
            back=("Compute", studio.link(LIST)),
        )

    def _describe(self, name: str) -> Any:
        from mlflow_plugins.jobs import compute_status, list_jobs

        studio = self._studio
        client = studio.client()
        status = compute_status(client, name)
        compute = status.compute
        recent = list_jobs(client, compute=name, max_results=_N_JOBS).items
        facts = ui.key_values(
            {
                "Status": ui.badge(status.state),
                "Type": ui.tag(compute.type),
                "Instance": _size(compute),
                "In use": _instances(status),
                "Idle": str(status.idle_instances) if status.idle_instances else None,
                "Stay": str(compute.min_instances) if compute.min_instances else None,
                "Idle time": ui.duration(compute.idle_seconds) if compute.idle_seconds else None,
                "In job files": html.Code(f"compute: azureml:{name}"),
                **{f"Tag {key}": value for key, value in compute.tags.items()},
            }
        )
        notes = [ui.note(status.note, color="orange")] if status.note else []
        lists = {
            f"Waiting ({status.queue_length})": status.queued[:_N_JOBS],
            "Recent jobs": recent,
        }
        cards = [
            ui.card(title, job_rows(studio, jobs) if jobs else _dim("None."))
            for title, jobs in lists.items()
        ]
        about = ui.card("About", facts)
        return ui.stack([*notes, about, _machines(status.nodes), *cards])

    def _offer(self, name: str) -> Any:
        from mlflow_plugins.jobs import get_compute

        compute = get_compute(self._studio.client(), name)
        buttons = [
            self._start.button("Start", look="plain", name=compute.name)
            if compute.is_stopped
            else self._stop.button(
                "Stop",
                confirm="Nothing new is started on it. Jobs that run go on; others wait.",
                look="plain",
                name=compute.name,
            )
        ]
        if compute.version:
            question = "Jobs that wait for it run on the compute local."
            buttons.append(
                self._delete.button("Delete", confirm=question, look="danger", name=compute.name)
            )
        return buttons

    # ------------------------------------------------------------ what users do

    def _form(self) -> Component:
        field = self._create.field
        numbers = [
            dmc.NumberInput(id=field(name), label=label, description=about, min=0)
            for name, (label, about) in _NUMBERS.items()
        ]
        return self._create.dialog(
            "New compute",
            title="New compute",
            submit="Create",
            body=[
                dmc.TextInput(id=field("name"), label="Name", required=True),
                dmc.Select(
                    id=field("kind"),
                    label="Type",
                    data=[{"value": key, "label": text} for key, text in _TYPES.items()],
                    value="amlcompute",
                    allowDeselect=False,
                ),
                dmc.TextInput(
                    id=field("address"),
                    label="Address of the Ray cluster",
                    description="Left empty: a cluster on the agent's own machine",
                ),
                *numbers,
                dmc.TextInput(id=field("description"), label="Description"),
            ],
        )

    def _on_create(self, name: str | None, kind: str, **values: Any) -> Any:
        from mlflow_plugins.jobs import create_compute

        studio = self._studio
        if not name:
            raise InvalidInput("The compute has no name. Give it one, such as cpu-cluster.")
        studio.check_edit(_KIND)
        given = {key: value for key, value in values.items() if value not in (None, "")}
        create_compute(studio.client(), {"name": name, "type": kind, **given})
        return studio.Done(
            message=f"The compute {name} is there.", go_to=studio.link(DETAIL, name=name)
        )

    def _on_start(self, name: str) -> Any:
        from mlflow_plugins.jobs import start_compute

        return self._change(name, start_compute, "takes jobs again")

    def _on_stop(self, name: str) -> Any:
        from mlflow_plugins.jobs import stop_compute

        return self._change(name, stop_compute, "starts nothing new")

    def _change(self, name: str, change: Any, words: str) -> Any:
        studio = self._studio
        studio.check_edit(_KIND)
        change(studio.client(), name)
        return studio.Done(message=f"{name} {words}.")

    def _on_delete(self, name: str) -> Any:
        from mlflow_plugins.jobs import delete_compute

        studio = self._studio
        studio.check_edit(_KIND)
        delete_compute(studio.client(), name)
        return studio.Done(message=f"{name} is deleted.", go_to=studio.link(LIST))


def _size(compute: "Compute") -> str:
    size = compute.size
    if size is None:
        return "an equal share of the machine"
    gpus = f", {size.gpus} GPU" if size.gpus else ""
    named = f" ({compute.size_name})" if compute.size_name else ""
    return f"{size.cpus:g} cores, {size.memory_gib:g} {_GIB}{gpus}{named}"


def _instances(status: "ComputeStatus") -> str:
    most = status.compute.max_instances
    return f"{status.busy_instances} of {most}" if most else str(status.busy_instances)


def _machines(nodes: "Sequence[Node]") -> Component:
    if not nodes:
        return ui.card(
            "Machines",
            ui.empty("No agent", "Jobs wait until there is one. Start: mlflow-studio agent"),
        )
    rows = [
        [
            one.host,
            f"{one.cpus_in_use:g} of {one.cpus:g}",
            f"{one.memory_in_use_gib:.1f} of {one.memory_gib:.1f} {_GIB}",
            f"{one.gpus_in_use} of {one.gpus}" if one.gpus else "-",
            _level(one.cpu_percent, "Processors"),
            _level(one.memory_percent, "Memory"),
            ", ".join(one.computes) or "all",
            ui.ago(one.seen_at),
        ]
        for one in nodes
    ]
    headings = ["Machine", "Cores", "Memory", "GPUs", "CPU", "RAM", "Serves", "Seen"]
    return ui.card("Machines", ui.table(headings, rows, label="Machines"))


def _level(percent: float, label: str) -> Component:
    return html.Span([ui.bar(percent / 100, label=label), f" {percent:.0f} %"])


def _dim(text: str) -> Component:
    return html.P(text, className="studio-dim")
