"""Importing tables: from any format and place, looked at first, with every damage named.

`import_data` stores a table as a data asset; `look_at` only looks. Read
``tests/mlflow_plugins/data/importing/test_import.py`` first.
"""

from mlflow_plugins.data.importing._apply import apply_import_file
from mlflow_plugins.data.importing._archives import is_archive, unpack
from mlflow_plugins.data.importing._csv import TYPES
from mlflow_plugins.data.importing._entities import Imported, ImportOptions, Look, SqlQuery
from mlflow_plugins.data.importing._glance import BadLine, Glance, glance, is_table
from mlflow_plugins.data.importing._import import import_data, look_at
from mlflow_plugins.data.importing._readers import sheet_names
from mlflow_plugins.data.importing._sniff import Dialect, sniff

__all__ = [
    "TYPES",
    "BadLine",
    "Dialect",
    "Glance",
    "ImportOptions",
    "Imported",
    "Look",
    "SqlQuery",
    "apply_import_file",
    "glance",
    "import_data",
    "is_archive",
    "is_table",
    "look_at",
    "sheet_names",
    "sniff",
    "unpack",
]
