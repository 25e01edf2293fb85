"""What this machine has: the cores this process may use, memory, GPUs."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

from mlflow_plugins.jobs.compute._sizes import Size

_NVIDIA_SECONDS = 20.0
_CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine as jobs share it.

    Attributes:
        size: All of it.
        gpus: Names of its GPUs, as ``CUDA_VISIBLE_DEVICES`` takes them.
    """

    size: Size
    gpus: tuple[str, ...] = ()

    @classmethod
    def of(cls, *, cpus: float, memory_gib: float, gpus: tuple[str, ...] = ()) -> "Machine":
        """Describe a machine."""
        return cls(size=Size(cpus=cpus, memory_gib=memory_gib, gpus=len(gpus)), gpus=gpus)


def this_machine() -> Machine:
    """Look at the machine that this process runs on."""
    return Machine.of(
        cpus=len(os.sched_getaffinity(0)),
        memory_gib=_memory_bytes() / 2**30,
        gpus=find_gpus(),
    )


def find_gpus() -> tuple[str, ...]:
    """Return the GPUs that ``nvidia-smi`` lists and this process may see."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    try:
        answer = subprocess.run(
            [program, "--query-gpu=index,uuid", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            check=True,
            timeout=_NVIDIA_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):  # a driver that does not answer gives no GPU
        return ()
    found = [tuple(part.strip() for part in line.split(",")) for line in answer.stdout.splitlines()]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return tuple(index for index, _ in found)
    names = {name: name for pair in found for name in pair}
    return tuple(names[one.strip()] for one in visible.split(",") if one.strip() in names)


def _memory_bytes() -> int:
    """Return the memory of this machine, or of the container if it has less."""
    total = psutil.virtual_memory().total
    for file in _CGROUP_LIMITS:
        try:
            return min(total, int(file.read_text()))
        except (OSError, ValueError):  # another version of cgroups, or "max"
            continue
    return total
