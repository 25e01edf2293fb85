"""Signs of life of the agents, so that a job that waits can say why."""

import time

from mlflow import MlflowClient

from mlflow_plugins.core import Records
from mlflow_plugins.jobs._queue import JOB

SIGN_SECONDS = 10.0

_TAG = "studio.agent_seen"


def give_sign(client: MlflowClient) -> None:
    """Note that an agent for jobs is alive now."""
    client.set_experiment_tag(Records(client).experiment_id(JOB), _TAG, repr(time.time()))


def has_live_agent(client: MlflowClient) -> bool:
    """Tell whether some agent gave a sign of life lately."""
    experiment = client.get_experiment(Records(client).experiment_id(JOB))
    return time.time() - float(experiment.tags.get(_TAG, 0)) < 3 * SIGN_SECONDS
