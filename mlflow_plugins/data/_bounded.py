"""Databases in memory that stay small however long the file is that they read."""

import tempfile
from pathlib import Path

import duckdb

MEMORY = "512MB"
_MOST_COLUMNS = 1000  # a batch of more columns may take more than that by itself


def bounded_connection(n_columns: int, folder: Path | None = None) -> duckdb.DuckDBPyConnection:
    """Open a database that lets go of what it has read when it takes more than `MEMORY`.

    Looking for the types of a CSV file would keep all of the file in memory otherwise.

    Args:
        n_columns: Of the table that it reads.
        folder: For what is written to the disk meanwhile.
    """
    if n_columns > _MOST_COLUMNS:
        return duckdb.connect()
    spill = (folder or Path(tempfile.gettempdir())) / "mlflow-studio-spill"
    return duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": str(spill)})
