"""What others need to test their own stores, backends and plugins against ours.

    contracts/    classes of tests; implement a fixture, subclass, done
    fakes         a clock that is moved by hand
    concurrency   the same function in many threads or processes at once
    servers       real MLflow and PostgreSQL servers that live as long as a ``with`` block

Nothing else in this package imports it. Only `contracts` needs pytest.
"""

from mlflow_plugins.testing.concurrency import in_processes, in_threads
from mlflow_plugins.testing.fakes import ManualClock
from mlflow_plugins.testing.servers import (
    PostgresServer,
    TrackingServer,
    create_database,
    postgres_server,
    tracking_server,
    use_tracking_uri,
)

__all__ = [
    "ManualClock",
    "PostgresServer",
    "TrackingServer",
    "create_database",
    "in_processes",
    "in_threads",
    "postgres_server",
    "tracking_server",
    "use_tracking_uri",
]
