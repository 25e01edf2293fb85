"""Lineage from a data asset on: the runs that used it, those that made it, and their models."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from mlflow_plugins.core import Asset, AssetStore
from mlflow_plugins.data._datasets import as_mlflow_dataset

_RUNS_AT_ONCE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """What one version of a data asset is connected with.

    Attributes:
        used_by: Runs that had it as an input, newest first.
        made_by: The run whose output it is, if it is one's.
        models: Versions of registered models that came out of the runs that used it.
    """

    used_by: Sequence[Run]
    made_by: Run | None
    models: Sequence[ModelVersion]


def lineage(store: AssetStore, asset: Asset) -> Lineage:
    """Find what a version of a data asset is connected with.

    Args:
        store: The asset's store.
        asset: A data asset.
    """
    client = store.records.client
    used_by = _runs_with(client, asset)
    return Lineage(
        used_by=used_by,
        made_by=_run_or_none(client, asset.spec.get("made_by")),
        models=_models_of(client, [run.info.run_id for run in used_by]),
    )


def _runs_with(client: MlflowClient, asset: Asset) -> list[Run]:
    dataset = as_mlflow_dataset(asset)
    wanted = f"dataset.name = '{dataset.name}' AND dataset.digest = '{dataset.digest}'"
    found: list[Run] = []
    for experiment_ids in _experiments(client):
        token = None
        while True:
            page = client.search_runs(experiment_ids, wanted, max_results=1000, page_token=token)
            found += page
            token = page.token
            if not token:
                break
    return sorted(found, key=lambda run: -run.info.start_time)


def _experiments(client: MlflowClient) -> Iterable[list[str]]:
    token = None
    while True:
        page = client.search_experiments(max_results=500, page_token=token)
        if page:
            yield [one.experiment_id for one in page]
        token = page.token
        if not token:
            return


def _run_or_none(client: MlflowClient, run_id: str | None) -> Run | None:
    if run_id is None:
        return None
    try:
        return client.get_run(run_id)
    except MlflowException:  # it was deleted for good
        return None


def _models_of(client: MlflowClient, run_ids: Sequence[str]) -> list[ModelVersion]:
    found: list[ModelVersion] = []
    for start in range(0, len(run_ids), _RUNS_AT_ONCE):
        quoted = ", ".join(f"'{one}'" for one in run_ids[start : start + _RUNS_AT_ONCE])
        found += client.search_model_versions(f"run_id IN ({quoted})", max_results=1000)
    return found
