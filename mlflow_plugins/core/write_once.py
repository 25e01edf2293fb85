"""Compare-and-set on an unmodified MLflow server.

A run's params are write-once: (run, key) is the primary key of MLflow's params table, over REST and
in SQL alike. Writing a param that is not there yet is therefore an atomic "set if absent", and
everything that needs agreement between processes stands on it: versions (`assets`), leases
(`leases`), outcomes.
"""

from collections.abc import Mapping

from mlflow import MlflowClient
from mlflow.entities import Param, RunTag
from mlflow.exceptions import MlflowException


def set_once(client: MlflowClient, run_id: str, key: str, value: str) -> bool:
    """Set a param of a run if nobody has; tell whether this call's value is the one that stands.

    Setting the value that already stands answers True again, so callers that compete must make
    their values unique (a record's id, a nonce).

    Args:
        client: Client of the tracking store.
        run_id: A run that is not deleted; it may have ended.
        key: At most 250 letters, digits and ``_-. :/``.
        value: At most 6000 characters.

    Raises:
        MlflowException: The store refused for another reason than a value that stands already.
    """
    return set_or_read(client, run_id, key, value) is None


def set_or_read(
    client: MlflowClient,
    run_id: str,
    key: str,
    value: str,
    *,
    tags: Mapping[str, str] | None = None,
) -> Mapping[str, str] | None:
    """Do as `set_once` and answer None, or all params of the run if another value stands.

    Whoever lost has to look again anyway: the answer saves that call.

    Args:
        client: See `set_once`.
        run_id: See `set_once`.
        key: See `set_once`.
        value: See `set_once`.
        tags: Tags of the run that are written with the param, in the same call, and only if this
            call's value stands. A writer that dies may leave the param without them.

    Raises:
        MlflowException: See `set_once`.
    """
    written = [RunTag(name, text) for name, text in (tags or {}).items()]
    try:
        if written:
            client.log_batch(run_id, params=[Param(key, value)], tags=written)
        else:
            client.log_param(run_id, key, value)
    except MlflowException:
        # A lost race is reported as INVALID_PARAMETER_VALUE, BAD_REQUEST or INTERNAL_ERROR,
        # depending on the store and on timing: what stands now is the only reliable answer.
        standing: Mapping[str, str] = client.get_run(run_id).data.params
        if key not in standing:
            raise
        if standing[key] != value:
            return standing
        if written:
            client.log_batch(run_id, tags=written)
    return None
