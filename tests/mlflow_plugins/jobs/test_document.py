import pytest

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.jobs import read_job_file


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("command: [", r"job\.yml, line \d+: this is not YAML"),
        ("a: 1\n  b: 2\n", r"job\.yml, line 2: this is not YAML"),
        ("- a\n- b\n", r"one YAML mapping.*this one holds a list"),
        ("", r"this one holds nothing"),
        ("just words", r"this one holds a text"),
        ("command: a\ncode: b\ncommand: c\n", r"line 3.*'command' is given twice"),
        ("x: !!python/object:os.system {}", r"not YAML: could not determine a constructor"),
    ],
)
def test_a_broken_file_is_refused_with_the_place(tmp_path, text, message):
    path = tmp_path / "job.yml"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=message):
        read_job_file(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InvalidInput, match="There is no file"):
        read_job_file(tmp_path / "job.yml")


def test_a_folder_is_no_job_file(tmp_path):
    with pytest.raises(InvalidInput, match=r"is a folder.*MLproject"):
        read_job_file(tmp_path)


def test_another_kind_of_file_is_no_job_file(tmp_path):
    with pytest.raises(InvalidInput, match=r"must end in \.yml or \.yaml"):
        read_job_file(tmp_path / "job.json")


def test_text_that_is_not_utf8_is_refused(tmp_path):
    path = tmp_path / "job.yml"
    path.write_bytes(b"command: \xff")
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_job_file(path)


def test_dates_stay_texts_and_anchors_work(tmp_path):
    path = tmp_path / "job.yml"
    path.write_text("a: &x {k: 2024-01-31}\nb:\n  <<: *x\n  l: 1\n")
    assert read_job_file(path) == {
        "a": {"k": "2024-01-31"},
        "b": {"k": "2024-01-31", "l": 1},
    }
