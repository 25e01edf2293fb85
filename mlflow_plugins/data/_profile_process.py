"""A profile computed by a process of its own: ``python -m mlflow_plugins.data._profile_process``.

It reads a request from its standard input and writes the profile to a file. Whoever else on this
machine computes the same profile waits for that file instead, by a lock that ends with its holder.
A refusal goes to standard output, as JSON.
"""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from mlflow_plugins.core import InvalidInput, StudioError
from mlflow_plugins.core.processes import exit_with_parent, thread_limits

_THREADS = 2


def start_profile(
    files: Sequence[Path], *, target: str | None, result: Path, cache: Path
) -> subprocess.Popen[bytes]:
    """Start a process that profiles a table; it ends with this one.

    Args:
        files: Parquet files with the table's rows.
        target: See `explore.profile`.
        result: Where to write the profile; it appears when it is complete.
        cache: Folder in which to spill what does not fit into memory.
    """
    request = {
        "files": [str(path) for path in files],
        "target": target,
        "result": str(result),
        "cache": str(cache),
        "parent": os.getpid(),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow_plugins.data._profile_process"],
        env={**os.environ, **thread_limits(_THREADS)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    if process.stdin is not None:
        process.stdin.write(json.dumps(request).encode())
        process.stdin.close()
        process.stdin = None
    return process


def await_profile(process: subprocess.Popen[bytes], *, timeout_s: float) -> None:
    """Wait for the end of a process of `start_profile`.

    Raises:
        InvalidInput: It refused the request.
        StudioError: It failed, or took longer than ``timeout_s``.
    """
    try:
        refusal, errors = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise StudioError(
            f"The profile took longer than {timeout_s / 60:.0f} minutes and was ended. Compute it "
            "on a larger machine, with: mlflow-studio data profile NAME"
        ) from None
    if process.returncode == 0:
        return
    if refusal:
        raise InvalidInput(json.loads(refusal)["message"])
    last = errors.decode(errors="replace").strip().splitlines()[-1:]
    raise StudioError(
        f"The profile could not be computed: its process ended with {process.returncode}"
        f"{': ' + last[0] if last else ''}. Look at the server's memory and try again."
    )


def compute(files: Sequence[Path], *, target: str | None, result: Path, cache: Path) -> None:
    """Write a table's profile into a file, unless another process does so meanwhile.

    Raises:
        InvalidInput: The table has no such target.
    """
    from mlflow_plugins.data.explore import Limits, open_table, profile

    result.parent.mkdir(parents=True, exist_ok=True)
    with result.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if result.exists():
            return
        limits = Limits(threads=_THREADS, timeout_s=3600.0, temp_folder=cache / "spill")
        with open_table(files, cache=cache, limits=limits) as table:
            found = profile(table, target=target)
        passing = result.with_suffix(".part")
        passing.write_text(json.dumps(found.to_dict(), allow_nan=False), encoding="utf-8")
        passing.replace(result)


def main() -> int:
    """Answer the request on standard input; return the exit status."""
    request = json.load(sys.stdin)
    exit_with_parent(request["parent"])
    os.nice(10)  # pages come first
    try:
        compute(
            [Path(path) for path in request["files"]],
            target=request["target"],
            result=Path(request["result"]),
            cache=Path(request["cache"]),
        )
    except InvalidInput as error:
        sys.stdout.write(json.dumps({"message": error.message}))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
