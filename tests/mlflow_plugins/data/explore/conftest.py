"""``make_table``: a data frame becomes a Parquet file, opened as a table and closed at the end."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from mlflow_plugins.data.explore import Limits, Table, open_table

MakeTable = Callable[..., Table]


@pytest.fixture(scope="module")
def make_table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeTable]:
    folder = tmp_path_factory.mktemp("tables")
    numbers = itertools.count()
    opened = []

    def make(
        *frames: pd.DataFrame | pa.Table, row_group_size: int = 7, limits: Limits | None = None
    ) -> Table:
        paths: list[Path] = []
        for frame in frames:
            paths.append(folder / f"{next(numbers)}.parquet")
            table = (
                frame
                if isinstance(frame, pa.Table)
                else pa.Table.from_pandas(frame, preserve_index=False)
            )
            pa.parquet.write_table(table, paths[-1], row_group_size=row_group_size)
        opened.append(open_table(paths, cache=folder / "cache", limits=limits))
        return opened[-1]

    yield make
    for table in opened:
        table.close()
