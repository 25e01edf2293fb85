"""Real models, a real agent and real scoring servers on one database for the whole folder.

Importing MLflow costs seconds in each process, so what can be shared is shared.
"""

import os
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import chdir, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlflow_plugins.core import AssetStore, connect
from mlflow_plugins.core.processes import stop_tree
from mlflow_plugins.deployments import Deployment, DeploymentStatus, get_deployment
from mlflow_plugins.testing import create_database, use_tracking_uri

with warnings.catch_warnings():  # of MLflow about its own type hints
    warnings.simplefilter("ignore")
    import mlflow.pyfunc

T = TypeVar("T")

_AGENT = """
import sys
from pathlib import Path
from mlflow_plugins.core import Settings, connect
from mlflow_plugins.core.agent import Agent
from mlflow_plugins.deployments.plugin import make_reconciler
settings = Settings.from_environment()
reconciler = make_reconciler(connect(), settings, Path(sys.argv[1]))
Agent([reconciler], poll_seconds=settings.poll_seconds).run()
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A store, with agents that can be started and killed."""

    uri: str
    folder: Path

    @property
    def store(self) -> AssetStore:
        return AssetStore(connect(self.uri))

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "MLFLOW_TRACKING_URI": self.uri,
            "MLFLOW_STUDIO_POLL_SECONDS": "0.2",
            "MLFLOW_STUDIO_STOP_SECONDS": "5",
        }

    def start_agent(self) -> subprocess.Popen[bytes]:
        with (self.folder / "agent.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-c", _AGENT, str(self.folder / "agent")],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def stop_agent(self, agent: subprocess.Popen[bytes]) -> None:
        """End an agent in the orderly way, and whatever did not end with it."""
        agent.send_signal(signal.SIGTERM)
        try:
            agent.wait(60)
        finally:
            stop_tree(agent.pid, grace_seconds=1)

    def wait_for(self, read: Callable[[], T], *, seconds: float = 120.0) -> T:
        """Return the first true answer."""
        deadline = time.monotonic() + seconds
        while not (answer := read()):
            assert time.monotonic() < deadline, f"{read} did not become true in {seconds} s"
            time.sleep(0.1)
        return answer

    def wait_until(self, name: str, status: str, *, version: str | None = None) -> Deployment:
        """Wait until a deployment has a status."""
        store = self.store

        def read() -> Deployment | None:
            one = get_deployment(store, name)
            is_there = one.status == status and version in (None, one.version)
            assert is_there or one.status is not DeploymentStatus.FAILED, one.error
            return one if is_there else None

        return self.wait_for(read)


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("deployments")
    return Place(create_database(folder / "mlflow.db", str(folder / "mlruns")), folder)


class Agents:
    """The agent that is at work now; a test that ends it starts the next one."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.current = place.start_agent()

    def start_another(self) -> subprocess.Popen[bytes]:
        """Start an agent that becomes the current one; the caller ends the one before."""
        before, self.current = self.current, self._place.start_agent()
        return before


@pytest.fixture(scope="session")
def agents(place: Place) -> Iterator[Agents]:
    running = Agents(place)
    yield running
    place.stop_agent(running.current)


@pytest.fixture
def name() -> str:
    return f"d-{uuid.uuid4().hex[:8]}"


# ---------------------------------------------------------------- models


@pytest.fixture(scope="session")
def table() -> Callable[..., pd.DataFrame]:
    """Makes rows of the kind that the models take."""
    return _table


def _table(n_rows: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": rng.integers(18, 90, n_rows),
            "income": rng.normal(3e4, 1e4, n_rows).round(2),
            "hours": rng.normal(40, 8, n_rows).round(1),
        }
    )


def _chooser(pipeline):
    """Return a model that predicts a class, or probabilities if the request says so."""

    class Chooser(mlflow.pyfunc.PythonModel):  # in a function, so that it is pickled by value
        def __init__(self, pipeline):
            self.pipeline = pipeline

        def predict(self, context, model_input, params=None):
            return getattr(self.pipeline, (params or {}).get("method", "predict"))(model_input)

    return Chooser(pipeline)


@dataclass(frozen=True, slots=True)
class Models:
    """URIs of logged models.

    Attributes:
        linear: scikit-learn classifier with a signature, an input example; registered version 1.
        other: The same kind of model, registered version 2, with other answers.
        plain: The linear model without a signature.
        chooser: Takes the param ``method``.
        broken: Cannot be loaded.
    """

    linear: str
    other: str
    plain: str
    chooser: str
    broken: str


REGISTERED = "income"


_COLUMNS = Schema([ColSpec("long", "age"), ColSpec("double", "income"), ColSpec("double", "hours")])
_LABELS = Schema([ColSpec("string")])
_SIGNATURE = ModelSignature(inputs=_COLUMNS, outputs=_LABELS)
_CHOOSER_SIGNATURE = ModelSignature(
    inputs=_COLUMNS,
    outputs=_LABELS,
    params=ParamSchema([ParamSpec("method", "string", default="predict")]),
)


@pytest.fixture(scope="session")
def models(place: Place) -> Iterator[Models]:
    with use_tracking_uri(place.uri):
        with chdir(place.folder), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # MLflow's, about pandas and type hints
            logged = _log_models(place)
        yield logged


def _log_models(place: Place) -> Models:
    frame = _table(300)
    is_rich = frame["income"] + 300 * frame["age"] > 45_000
    pipelines = [
        make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, is_rich.map(words))
        for words in ({True: "rich", False: "poor"}, {True: "RICH", False: "POOR"})
    ]
    as_pickle = {"serialization_format": "pickle", "pip_requirements": []}
    with mlflow.start_run():
        for pipeline in pipelines:
            mlflow.sklearn.log_model(
                pipeline,
                name="model",
                signature=_SIGNATURE,
                input_example=frame.head(2),
                registered_model_name=REGISTERED,
                **as_pickle,
            )
        plain = mlflow.sklearn.log_model(pipelines[0], name="plain", **as_pickle)
        chooser = mlflow.pyfunc.log_model(
            name="chooser",
            python_model=_chooser(pipelines[0]),
            signature=_CHOOSER_SIGNATURE,
            metadata={"studio.row_wise": True},
            pip_requirements=[],
        )
    broken = place.folder / "broken"
    mlflow.sklearn.save_model(pipelines[0], broken, **as_pickle)
    (broken / "model.pkl").write_bytes(b"\x80\x04cno_such_package\nThing\n.")
    MlflowClient(place.uri).set_registered_model_alias(REGISTERED, "live", "1")
    return Models(
        linear=f"models:/{REGISTERED}/1",
        other=f"models:/{REGISTERED}/2",
        plain=plain.model_uri,
        chooser=chooser.model_uri,
        broken=str(broken),
    )


@pytest.fixture(scope="session")
def store(place: Place, models: Models) -> AssetStore:
    """A store with the same models that no agent looks at."""
    path = place.folder / "quiet.db"
    original = place.uri.removeprefix("sqlite:///")
    with closing(sqlite3.connect(original)) as source, closing(sqlite3.connect(path)) as copy:
        source.backup(copy)
    return AssetStore(connect(f"sqlite:///{path}"))


@pytest.fixture(scope="session")
def linear(models: Models) -> mlflow.pyfunc.PyFuncModel:
    return mlflow.pyfunc.load_model(models.linear)
