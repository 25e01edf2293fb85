"""What MLflow measures of the machine while a run goes on: its metrics ``system/…``, as charts.

MLflow names them ``system/cpu_utilization_percentage`` and, where a run has several processes that
log, ``system/NODE/cpu_utilization_percentage``.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mlflow.entities import Metric

from mlflow_plugins.studio._charts import Line

_PREFIX = re.compile(r"system/(?:(?P<node>[^/]+)/)?(?P<name>[^/]+)")
_GPU = re.compile(r"gpu_(?P<number>\d+)_(?P<what>.+)")
_UNITS = {"percentage": "%", "megabytes": "MB", "watts": "W"}
_WORDS = {
    "cpu_utilization": "CPU",
    "system_memory_usage": "Memory",
    "disk_usage": "Disk in use",
    "disk_available": "Disk available",
    "network_receive": "Network",
    "network_transmit": "Network",
    "utilization": "GPU",
    "memory_usage": "GPU memory",
    "power_usage": "GPU power",
}
_LINES = {"network_receive": "received", "network_transmit": "sent"}
_ORDER = ("CPU", "Memory", "GPU", "GPU memory", "GPU power", "Network", "Disk in use")


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One chart.

    Attributes:
        title: What it shows, with the unit.
        metrics: Names of the run's metrics, by what the line is called.
    """

    title: str
    metrics: Mapping[str, str]


def panels(names: Iterable[str]) -> list[Panel]:
    """Sort a run's system metrics into charts: those of one kind together.

    Example:
        >>> [one.title for one in panels(["system/gpu_0_power_usage_watts", "loss"])]
        ['GPU power (W)']
    """
    found: dict[tuple[str, str], dict[str, str]] = {}
    for name in sorted(names):
        match = _PREFIX.fullmatch(name)
        if match is None:
            continue
        what, unit, line = _parts(match["name"])
        label = " ".join(filter(None, (match["node"], line))) or what
        found.setdefault((what, unit), {})[label] = name
    return [
        Panel(title=f"{what} ({unit})" if unit else what, metrics=metrics)
        for (what, unit), metrics in sorted(found.items(), key=lambda one: _rank(one[0]))
    ]


def panel_lines(panel: Panel, histories: Mapping[str, Sequence[Metric]]) -> list[Line]:
    """Return a chart's lines over the minutes since the first value of any of them.

    Args:
        panel: The chart.
        histories: Values of each metric in the order of time.
    """
    starts = [one[0].timestamp for one in histories.values() if one]
    begin = min(starts, default=0)
    return [
        Line(
            name=label,
            x=[(one.timestamp - begin) / 60_000 for one in histories[name]],
            y=[one.value for one in histories[name]],
        )
        for label, name in panel.metrics.items()
        if histories.get(name)
    ]


def _parts(name: str) -> tuple[str, str, str]:
    """Return what a metric measures, in which unit, and which of several it is."""
    gpu = _GPU.fullmatch(name)
    line = f"GPU {gpu['number']}" if gpu else ""
    stem, _, ending = (gpu["what"] if gpu else name).rpartition("_")
    if ending not in _UNITS:
        return name.replace("_", " "), "", line
    words = _WORDS.get(stem, stem.replace("_", " ").capitalize())
    return words, _UNITS[ending], line or _LINES.get(stem, "")


def _rank(key: tuple[str, str]) -> tuple[int, str, str]:
    what, unit = key
    place = _ORDER.index(what) if what in _ORDER else len(_ORDER)
    return place, what, "" if unit == "%" else unit
