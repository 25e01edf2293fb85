"""Azure's public MLTable files, as they are: they give what pandas reads.

The files are those of Azure/azureml-examples (MIT), with tables of the same shape made here.
"""

import pandas as pd
import pytest

from mlflow_plugins.data.mltable import load

SCHEMA = "$schema: https://azuremlschemas.azureedge.net/latest/MLTable.schema.json\n"
PEOPLE = pd.DataFrame(
    {
        "PassengerId": [1, 2, 3, 4],
        "Name": ['Braund, "Mr." Owen', "Cumings", None, "ü"],
        "Age": [22.0, None, 26.5, 35.0],
        "Ticket": ["A/5 21171", "113803", "PC 17599", "113803"],
        "IsOld": [False, True, False, True],
    }
)

LOCAL = SCHEMA + (
    "paths:\n    - file: ./titanic.csv\ntransformations:\n  - read_delimited:\n"
    '      delimiter: ","\n      header: from_first_file\n      encoding: utf8\n'
)
BANK = (
    "paths:\n  - file: ./titanic.csv\ntransformations:\n  - read_delimited:\n"
    "        delimiter: ','\n        encoding: 'ascii'\n"
)
PAPERS = BANK.replace("'ascii'", "'utf8'") + "        empty_as_string: false"
IRIS = (
    "paths:\n  - file: ./titanic.csv\ntransformations:\n  - read_delimited:\n"
    '      delimiter: ","\n      encoding: utf8\n      header: all_files_same_headers'
)


@pytest.fixture
def folder(tmp_path):
    PEOPLE.to_csv(tmp_path / "titanic.csv", index=False)
    return tmp_path


def table(folder, text):
    (folder / "MLTable").write_text(text)
    return load(folder)


def is_what_pandas_reads(found, expected):
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


@pytest.mark.parametrize("text", [LOCAL, BANK, PAPERS, IRIS], ids=["local", "bank", "pap", "iris"])
def test_a_file_is_read(folder, text):
    is_what_pandas_reads(table(folder, text).to_pandas(), pd.read_csv(folder / "titanic.csv"))


def test_columns_are_dropped_from_files_that_match(folder):
    for name in ("titanic_1_validated.csv", "titanic_2_validated.csv", "titanic_1_error.csv"):
        (folder / name).write_bytes((folder / "titanic.csv").read_bytes())
    text = SCHEMA + (
        "paths:\n    - pattern: ./*validated.csv\ntransformations:\n  - read_delimited:\n"
        '      delimiter: ","\n      header: all_files_same_headers\n      encoding: utf8\n'
        '  - drop_columns: ["PassengerId", "Ticket", "Name"]\n'
    )
    one = pd.read_csv(folder / "titanic.csv").drop(columns=["PassengerId", "Ticket", "Name"])
    is_what_pandas_reads(table(folder, text).to_pandas(), pd.concat([one, one], ignore_index=True))


def test_columns_are_converted(folder):
    text = BANK + (
        "  - convert_column_types:\n      - columns: PassengerId\n        column_type: float\n"
        "      - columns: Ticket\n        column_type: string\n"
        "      - columns: Age\n        column_type: float\n"
    )
    expected = pd.read_csv(folder / "titanic.csv", dtype={"PassengerId": float, "Ticket": str})
    found = table(folder, text).to_pandas()
    is_what_pandas_reads(found, expected)
    assert found["PassengerId"].dtype == float


@pytest.mark.parametrize(
    "reader",
    ["read_parquet", "read_parquet:\n      include_path_column: false\n      path_column: Path"],
)
def test_parquet_is_read(folder, reader):
    PEOPLE.to_parquet(folder / "people.parquet")
    text = (
        "$schema: http://azureml/sdk-2-0/MLTable.json\ntype: mltable\npaths:\n"
        f"  - file: ./people.parquet\ntransformations:\n  - {reader}"
    )
    is_what_pandas_reads(table(folder, text).to_pandas(), PEOPLE)


@pytest.mark.parametrize("take", ["transformations:\n  - take: 1", ""])
def test_a_table_without_a_reader_is_a_list_of_files(folder, take):
    text = f"paths:\n  - file: ./titanic.csv\n{take}"
    assert table(folder, text).to_arrow().to_pydict() == {"Path": [str(folder / "titanic.csv")]}


def test_a_folder_may_be_called_a_file(folder):
    (folder / "mnist").mkdir()
    for name in ("0.png", "1.png"):
        (folder / "mnist" / name).write_text("x")
    found = table(folder, "paths:\n  - file: ./mnist\n").to_arrow()
    assert found.to_pydict() == {"Path": [str(folder / "mnist" / n) for n in ("0.png", "1.png")]}


def test_invalid_lines_of_json_are_dropped(folder):
    (folder / "order_invalid.jsonl").write_text('{"a": 1}\n{bad\n{"a": 2, "b": "x"}\n[1]\n\n')
    text = SCHEMA + (
        "paths:\n  - file: ./order_invalid.jsonl\ntransformations:\n  - read_json_lines:\n"
        "        encoding: utf8\n        invalid_lines: drop\n        include_path_column: false\n"
    )
    assert table(folder, text).to_arrow().to_pylist() == [{"a": 1, "b": None}, {"a": 2, "b": "x"}]


def test_the_page_of_the_reference_works(tmp_path):
    """All transformations of Azure's reference page in one file."""
    for day in (1, 2):
        place = tmp_path / "data" / "2024" / "01" / f"0{day}"
        place.mkdir(parents=True)
        rows = [f"{n},0{day}/01/2024,{'yes' if n % 2 else 'no'},a_string,x" for n in range(100)]
        (place / "part.csv").write_text("\n".join(["col1,col2,col3,col7,gone", *rows]))
    text = SCHEMA + (
        "type: mltable\npaths:\n  - folder: ./data\ntransformations:\n"
        "    - read_delimited:\n        encoding: ascii\n        header: all_files_same_headers\n"
        '        delimiter: ","\n        include_path_column: true\n'
        "        empty_as_string: false\n"
        "    - keep_columns: [col1, col2, col3, col7]\n"
        "    - convert_column_types:\n"
        "        - columns: col1\n          column_type: int\n"
        "        - columns: col2\n          column_type:\n            datetime:\n"
        '                formats:\n                    - "%d/%m/%Y"\n'
        "        - columns: [col3]\n          column_type:\n            boolean:\n"
        '                mismatch_as: error\n                true_values: ["yes", "true", "1"]\n'
        '                false_values: ["no", "false", "0"]\n'
        '    - filter: \'col("col1") > 32 and col("col7") == "a_string"\'\n'
        "    - extract_columns_from_partition_format: {timestamp:yyyy/MM/dd}\n"
        "    - skip: 10\n"
        "    - take_random_sample:\n        probability: 0.50\n        seed: 1394\n"
    )
    found = table(tmp_path, text).to_pandas()
    assert list(found) == ["timestamp", "col1", "col2", "col3", "col7"]
    assert 30 < len(found) < 94
    assert (found["timestamp"] == found["col2"]).all()
    assert (found["col3"] == found["col1"] % 2).all()
    assert found["col1"].iloc[0] >= 43
    pd.testing.assert_frame_equal(table(tmp_path, text).to_pandas(), found)
