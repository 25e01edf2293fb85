"""Says whether the MLTable files of Azure's public examples give what pandas reads.

    python tests/azure_mltables.py FOLDER      # FOLDER is a clone of Azure's examples

Prints one line for each that does not, and how many do.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from mlflow_plugins.data.mltable import load


def main(folder: Path) -> int:
    """Check all files below a folder; return how many differ."""
    n_same, n_different = 0, 0
    for file in sorted(folder.rglob("MLTable")):
        try:
            check(file.parent)
            n_same += 1
        except Exception as error:  # noqa: BLE001  # whatever it is, it is printed
            n_different += 1
            print(f"{file}: {str(error).splitlines()[0]}")
    print(f"{n_same} of {n_same + n_different} MLTable files give what pandas reads.")
    return n_different


def check(folder: Path) -> None:
    """Compare one table with what pandas makes of its files."""
    document = yaml.safe_load((folder / "MLTable").read_text(encoding="utf-8"))
    found = load(folder).to_pandas()
    steps = list(_steps(document))
    readers = [name for name, _ in steps if name.startswith("read_")]
    if not readers:
        assert list(found) == ["Path"]
        return
    read = pd.read_parquet if readers == ["read_parquet"] else _read_csv
    expected = pd.concat([read(path) for path in _paths(folder, document)], ignore_index=True)
    for name, given in steps:
        if name == "drop_columns":
            expected = expected.drop(columns=given)
    for name in expected:
        if pd.api.types.is_datetime64_any_dtype(found[name]):
            expected[name] = pd.to_datetime(expected[name])
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, check_categorical=False)


def _steps(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for one in document.get("transformations") or []:
        yield (one, None) if isinstance(one, str) else next(iter(one.items()))


def _paths(folder: Path, document: Mapping[str, Any]) -> Iterator[Path]:
    for one in document["paths"]:
        kind, address = next(iter(one.items()))
        plain = address.removeprefix("./")
        yield from sorted(folder.glob(plain)) if kind == "pattern" else [folder / plain]


def _read_csv(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
