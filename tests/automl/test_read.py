import pandas as pd
import pytest

from automl import DataError
from automl._read import read_table

FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})


def _folder(tmp_path, mltable):
    FRAME.to_csv(tmp_path / "part.csv", index=False, sep=";")
    (tmp_path / "MLTable").write_text(mltable)
    return str(tmp_path)


def test_files_and_folders_are_read(tmp_path):
    FRAME.to_csv(tmp_path / "t.csv", index=False)
    FRAME.to_csv(tmp_path / "t.tsv", index=False, sep="\t")
    FRAME.to_parquet(tmp_path / "t.parquet")
    for path in ("t.csv", "t.tsv", f"file://{tmp_path}/t.csv", str(tmp_path / "t.parquet")):
        pd.testing.assert_frame_equal(read_table(path, base=tmp_path), FRAME, check_dtype=False)
    assert len(read_table(str(tmp_path), base=tmp_path)) == 6


@pytest.mark.parametrize("entry", ["file: ./part.csv", "pattern: ./*.csv", "folder: ./"])
def test_a_simple_mltable_is_read(tmp_path, entry):
    text = f"paths:\n  - {entry}\ntransformations:\n  - read_delimited:\n      delimiter: ';'\n"
    path = _folder(tmp_path, text)
    pd.testing.assert_frame_equal(read_table(path, base=tmp_path), FRAME, check_dtype=False)


@pytest.mark.parametrize(
    ("mltable", "message"),
    [
        ("paths: []", "names no file"),
        ("paths: [", "not valid YAML"),
        ("paths:\n  - file: ./gone.csv", "nothing at"),
        (
            "paths:\n  - file: ./part.csv\ntransformations:\n  - read_delta_lake: {}",
            "asks for 'read_delta_lake'",
        ),
    ],
)
def test_an_mltable_beyond_us_is_refused(tmp_path, mltable, message):
    with pytest.raises(DataError, match=message):
        read_table(_folder(tmp_path, mltable), base=tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"a,b\n", "has 0 rows"),
        (b'a,b\n1,"never closed\n2,3\n', "cannot be read as CSV"),
        (b"a,b\n1,2\n1,2,3\n", "cannot be read as CSV"),
        (b"a,b\n1,\xff\xfe\n", "not UTF-8"),
    ],
)
def test_a_broken_file_is_explained(tmp_path, content, message):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_table("t.csv", base=tmp_path)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("none.csv", "No file or folder at"),
        ("azureml:bank@latest", "not a local path"),
        ("https://host/x.csv", "not a local path"),
    ],
)
def test_a_path_that_leads_nowhere_is_explained(tmp_path, path, message):
    with pytest.raises(DataError, match=message):
        read_table(path, base=tmp_path)


def test_broken_parquet_and_unknown_kinds_are_explained(tmp_path):
    (tmp_path / "t.parquet").write_bytes(b"nonsense")
    (tmp_path / "t.doc").write_bytes(b"nonsense")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        read_table("t.parquet", base=tmp_path)
    with pytest.raises(DataError, match="neither CSV nor Parquet"):
        read_table("t.doc", base=tmp_path)
    (tmp_path / "sub").mkdir()
    with pytest.raises(DataError, match="holds no CSV"):
        read_table("sub", base=tmp_path)
