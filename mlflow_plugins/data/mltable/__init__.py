"""MLTable: Azure ML's file that says which files are a table, and how they are read.

`load` reads the file; the table is then a stream of Arrow batches, an Arrow table or a data frame.
Read ``tests/mlflow_plugins/data/mltable/test_azure_examples.py`` first.
"""

from mlflow_plugins.data.mltable._delimited import DelimitedReader
from mlflow_plugins.data.mltable._document import FILE_NAME, Blueprint, parse_blueprint
from mlflow_plugins.data.mltable._expressions import to_sql
from mlflow_plugins.data.mltable._files import TableFile
from mlflow_plugins.data.mltable._table import MLTable, load

__all__ = [
    "FILE_NAME",
    "Blueprint",
    "DelimitedReader",
    "MLTable",
    "TableFile",
    "load",
    "parse_blueprint",
    "to_sql",
]
