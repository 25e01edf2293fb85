import os
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.jobs._snapshot import _compile, _is_ignored, staged, take_snapshot


def write(folder, *names, text="x"):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_files_are_listed_without_what_is_never_code(tmp_path):
    write(tmp_path, "a.py", "b/c.py", ".git/config", "b/__pycache__/c.pyc", ".hidden")
    assert take_snapshot(tmp_path, limit_mib=1).files == (".hidden", "a.py", "b/c.py")


def test_amlignore_counts_before_gitignore(tmp_path):
    write(tmp_path, "a.py", "b.csv", "c.log")
    write(tmp_path, ".gitignore", text="*.csv\n")
    assert "b.csv" not in take_snapshot(tmp_path, limit_mib=1).files
    write(tmp_path, ".amlignore", text="*.log\n")
    assert "b.csv" in take_snapshot(tmp_path, limit_mib=1).files
    assert "c.log" not in take_snapshot(tmp_path, limit_mib=1).files


def test_executables_are_noted_and_files_can_be_staged(tmp_path):
    write(tmp_path, "code/run.sh", "code/sub/a.py")
    (tmp_path / "code/run.sh").chmod(0o755)
    snapshot = take_snapshot(tmp_path / "code", limit_mib=1)
    assert snapshot.executables == ("run.sh",)
    with staged(snapshot) as folder:
        assert (folder / "sub/a.py").read_text() == "x"


def test_a_large_folder_is_refused_with_its_largest_files(tmp_path):
    write(tmp_path, "a.py")
    (tmp_path / "big.bin").write_bytes(bytes(3 << 20))
    with pytest.raises(InvalidInput, match=r"3 MiB; the limit is 2 MiB.*big\.bin \(3 MiB\).*aml"):
        take_snapshot(tmp_path, limit_mib=2)


@pytest.mark.parametrize(
    ("name", "message"),
    [("nothing", "does not exist"), ("file.py", "is a file"), ("empty", "holds no files")],
)
def test_a_folder_that_is_none_is_refused(tmp_path, name, message):
    write(tmp_path, "file.py")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInput, match=message):
        take_snapshot(tmp_path / name, limit_mib=1)


RULES = [
    "*.csv", "/a", "a/", "a/b", "**/b", "a/**", "a/**/c.py", "!a.csv", "b*", "?.py", "[ab].py",
    "[!a].py", "#x", "\\#x", "a.csv ", "/b/c/", "*", "!*/", "!*.py", "a/*/c.py", "**/a/",
]  # fmt: skip
PATHS = [
    "a.csv", "a/b.csv", "b/a/c.py", "a/b/c.py", "a/c.py", "a.py", "b.py", "c.py", "b/c/d.py",
    "#x", "b/a.csv", "a/b/d/c.py",
]  # fmt: skip


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.sampled_from(RULES), min_size=1, max_size=4))
def test_the_rules_are_gits(tmp_path_factory, rules):
    folder = tmp_path_factory.mktemp("repo")
    write(folder, *PATHS)
    write(folder, ".gitignore", text="\n".join(rules) + "\n")
    ours = set(take_snapshot_or_nothing(folder))
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    subprocess.run(["git", "init", "-q", str(folder)], check=True, env=clean)
    listed = subprocess.run(
        ["git", "-C", str(folder), "-c", "core.excludesFile=", "ls-files", "-z", "--others",
         "--exclude-standard"],
        capture_output=True, text=True, check=True, env=clean,
    ).stdout  # fmt: skip
    assert ours == set(filter(None, listed.split("\0")))


def take_snapshot_or_nothing(folder):
    try:
        return take_snapshot(folder, limit_mib=1).files
    except InvalidInput:
        return ()


@pytest.mark.parametrize(("path", "expected"), [("x/", True), ("x", False)])
def test_a_rule_for_folders_spares_files(path, expected):
    assert _is_ignored(path, [_compile("x/")]) is expected
