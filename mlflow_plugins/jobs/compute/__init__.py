"""Computes: where jobs run, how large an instance is, and which waiting job starts next.

`_placement` has the rules, without a clock and without a store; `_computes` and `_nodes` are what
the store knows. Read ``tests/mlflow_plugins/jobs/compute/test_placement.py`` first.
"""

from mlflow_plugins.jobs.compute._computes import (
    COMPUTE,
    Compute,
    create_compute,
    default_compute,
    delete_asset,
    find_compute,
    get_compute,
    list_computes,
    start_compute,
    stop_compute,
    update_compute,
)
from mlflow_plugins.jobs.compute._machine import Machine, this_machine
from mlflow_plugins.jobs.compute._nodes import Node, NodeSign, list_nodes
from mlflow_plugins.jobs.compute._placement import MEDIUM, Demand, Share, Situation, choose
from mlflow_plugins.jobs.compute._sizes import NOTHING, Size, azure_size

__all__ = [
    "COMPUTE",
    "MEDIUM",
    "NOTHING",
    "Compute",
    "Demand",
    "Machine",
    "Node",
    "NodeSign",
    "Share",
    "Situation",
    "Size",
    "azure_size",
    "choose",
    "create_compute",
    "default_compute",
    "delete_asset",
    "find_compute",
    "get_compute",
    "list_computes",
    "list_nodes",
    "start_compute",
    "stop_compute",
    "this_machine",
    "update_compute",
]
