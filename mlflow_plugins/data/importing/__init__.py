"""Importing tables: from any format and place, looked at first, with every damage named.

`import_data` stores a table as a data asset; `look_at` only looks. Read
``tests/mlflow_plugins/data/importing/test_import.py`` first.
"""

from mlflow_plugins.data.importing._apply import apply_import_file
from mlflow_plugins.data.importing._import import (
    Imported,
    ImportOptions,
    Look,
    SqlQuery,
    import_data,
    look_at,
)
from mlflow_plugins.data.importing._sniff import Dialect, sniff

__all__ = [
    "Dialect",
    "ImportOptions",
    "Imported",
    "Look",
    "SqlQuery",
    "apply_import_file",
    "import_data",
    "look_at",
    "sniff",
]
