"""DuckDB with limits: memory, threads, and a time after which a question is interrupted."""

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from mlflow_plugins.core import InvalidInput

_BYTES = re.compile(r"[0-9.]+ ?[KMGT]i?B")
_FIRST_LINE = re.compile(r"^(?:[A-Z][\w ]* Error: )?(?:[A-Z][\w ]* Error: )?(.*)")


class QueryTimeout(InvalidInput):
    """A question took longer than its limit and was interrupted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one table may use.

    Attributes:
        memory: Of DuckDB, as ``1GB`` or ``512MiB``. What does not fit spills to `temp_folder`.
        threads: Most threads at work at once.
        timeout_s: Most seconds for one question; a longer one is interrupted.
        write_timeout_s: Most seconds to write a file, as when CSV is converted; `timeout_s` if
            None.
        temp_folder: Where to spill to; without one, what does not fit is refused.
    """

    memory: str = "1GB"
    threads: int = 2
    timeout_s: float = 120.0
    write_timeout_s: float | None = None
    temp_folder: Path | None = None

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            InvalidInput: One of them is out of range.
        """
        if not _BYTES.fullmatch(self.memory):
            raise InvalidInput(f"{self.memory!r} is not an amount of memory. Write it as '1GB'.")
        seconds = min(self.timeout_s, self.write_timeout_s or self.timeout_s)
        if self.threads < 1 or seconds <= 0:
            raise InvalidInput(
                f"Limits have {self.threads} threads and {seconds} seconds. "
                "Allow at least one thread and some time."
            )


class Engine:
    """One in-memory DuckDB; safe to use from several threads at once."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._connection = duckdb.connect(config=_config(limits))
        self._connection.execute("SET parquet_metadata_cache = true")
        self._connection.execute("SET TimeZone = 'UTC'")

    def run(self, sql: str, params: Mapping[str, object] | None = None) -> pa.Table:
        """Answer one statement.

        Raises:
            QueryTimeout: It took longer than the limit.
            InvalidInput: It needs more memory than the limit, or cannot be answered.
        """
        with self.relation(sql, params) as relation:
            return relation.to_arrow_table()

    @contextmanager
    def relation(
        self, sql: str, params: Mapping[str, object] | None = None
    ) -> Iterator[duckdb.DuckDBPyRelation]:
        """Lend a statement's result to read in pieces; the time limit holds for all of it."""
        with self._connection.cursor() as cursor, interrupted_after(cursor, self.limits.timeout_s):
            yield cursor.sql(sql, params=dict(params or {}) or None)

    def execute(self, sql: str) -> None:
        """Run a statement that has no result but writes a file."""
        seconds = self.limits.write_timeout_s or self.limits.timeout_s
        with self._connection.cursor() as cursor, interrupted_after(cursor, seconds):
            cursor.execute(sql)

    def close(self) -> None:
        """Free what DuckDB holds."""
        self._connection.close()


@contextmanager
def interrupted_after(connection: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """Interrupt whatever runs on a connection when the time is over; say errors in our words.

    An interrupt that comes between two statements is lost, so it is repeated until the block ends.
    """
    done = threading.Event()
    is_late = threading.Event()

    def watch() -> None:
        if not done.wait(seconds):
            is_late.set()
        while not done.is_set():
            connection.interrupt()
            done.wait(0.05)

    watcher = threading.Thread(target=watch, name="query-timeout", daemon=True)
    watcher.start()
    try:
        yield
    except (duckdb.Error, pa.ArrowException, OSError, RuntimeError) as error:
        if is_late.is_set():
            raise QueryTimeout(
                f"The answer took longer than {seconds:g} seconds, so the query was interrupted. "
                "Ask for less: filter the rows, choose fewer columns, or allow more time."
            ) from error
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(_say(error)) from error
    finally:
        done.set()
        watcher.join()


def _say(error: Exception) -> str:
    if isinstance(error, duckdb.OutOfMemoryException):
        return (
            "The answer needs more memory than the limit allows. "
            "Ask for less: filter the rows, group by fewer values, or allow more memory."
        )
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    found = _FIRST_LINE.match(lines[0]) if lines else None
    what = (found[1] if found else type(error).__name__).rstrip(".")
    return f"The query cannot be answered: {what}. Change it and try again."


def _config(limits: Limits) -> dict[str, Any]:
    config: dict[str, Any] = {
        "memory_limit": limits.memory,
        "threads": str(limits.threads),
        "python_enable_replacements": "false",  # a name in SQL is never a Python variable
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    if limits.temp_folder is not None:
        config["temp_directory"] = str(limits.temp_folder)
    else:
        config["max_temp_directory_size"] = "0B"
    return config
