"""Sizes of instances: cores, memory and GPUs, also as the names of Azure's machines say them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What one instance of a compute has, or what a job gets.

    Attributes:
        cpus: Cores; a share of one is possible.
        memory_gib: Memory in GiB.
        gpus: Whole GPUs.
    """

    cpus: float
    memory_gib: float
    gpus: int = 0

    def times(self, count: int) -> Self:
        """Return the size of that many instances together."""
        return type(self)(
            cpus=self.cpus * count, memory_gib=self.memory_gib * count, gpus=self.gpus * count
        )

    def capped(self, limit: "Size") -> Self:
        """Return the size without what is more than the limit has."""
        return type(self)(
            cpus=min(self.cpus, limit.cpus),
            memory_gib=min(self.memory_gib, limit.memory_gib),
            gpus=min(self.gpus, limit.gpus),
        )

    def fits_into(self, room: "Size") -> bool:
        """Tell whether there is room for it; shares that add up to a whole are not refused."""
        return (
            self.cpus <= room.cpus + _ROUNDING
            and self.memory_gib <= room.memory_gib + _ROUNDING
            and self.gpus <= room.gpus
        )

    def minus(self, other: "Size") -> Self:
        """Return what is left; it may be less than nothing."""
        return type(self)(
            cpus=self.cpus - other.cpus,
            memory_gib=self.memory_gib - other.memory_gib,
            gpus=self.gpus - other.gpus,
        )

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Read what ``dataclasses.asdict`` wrote."""
        return cls(**document)

    def __str__(self) -> str:
        gpus = f", {self.gpus} GPU{'s' * (self.gpus > 1)}" if self.gpus else ""
        return f"{self.cpus:g} cpus, {self.memory_gib:.1f} GiB{gpus}"


_ROUNDING = 1e-6
NOTHING = Size(cpus=0, memory_gib=0)

_NAME = re.compile(r"(?:Standard|Basic)_([A-Z]+)(\d+)(?:-(\d+))?([a-z]*)(?:_.*)?", re.IGNORECASE)

# The older D machines are numbered, not named by their cores: (cores, GiB).
_NUMBERED_D = {
    1: (1, 3.5), 2: (2, 7), 3: (4, 14), 4: (8, 28), 5: (16, 56),
    11: (2, 14), 12: (4, 28), 13: (8, 56), 14: (16, 112), 15: (20, 140),
}  # fmt: skip
_BURSTABLE = {"1ls": 0.5, "1s": 1, "1ms": 2, "2s": 4, "2ms": 8}

# Whole name, GiB for each core, cores for each GPU (None: it has none). The first that fits counts.
_FAMILIES: tuple[tuple[str, float, int | None], ...] = (
    (r"NC\d+as_T4.*", 7.0, 16),
    (r"NC.*A100.*", 220 / 24, 24),
    (r"NC.*H100.*", 8.0, 40),
    (r"ND40.*", 16.8, 5),
    (r"N[CD]\d+r?s(_v[23])?", 112 / 6, 6),
    (r"ND96.*", 900 / 96, 12),
    (r"NV\d+ad.*", 55 / 6, 36),
    (r"NV\d+s_v3", 112 / 12, 12),
    (r"N[CDV].*", 56 / 6, 6),
    (r"A\d+m.*", 8.0, None),
    (r"[AF]S?\d.*", 2.0, None),
    (r"[EL]S?\d.*", 8.0, None),
    (r"M.*", 16.0, None),
    (r"H.*", 4.0, None),
    (r"[BD].*", 4.0, None),
)


def azure_size(name: str) -> Size | None:
    """Return what an Azure machine of that name has, near enough; None if the name says nothing.

    Example:
        >>> azure_size("Standard_DS3_v2")
        Size(cpus=4, memory_gib=14, gpus=0)
        >>> azure_size("STANDARD_D4S_V5").memory_gib
        16.0
        >>> azure_size("Standard_NC6s_v3").gpus
        1
        >>> azure_size("large") is None
        True
    """
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    family, number, constrained, letters = match.groups()
    n_cores = int(number)
    plain = name.partition("_")[2]
    is_numbered = family.upper() in ("D", "DS") and re.fullmatch(
        r"DS?\d+(-\d+)?(_v2.*)?", plain, re.IGNORECASE
    )
    if is_numbered and n_cores in _NUMBERED_D:
        cores, memory = _NUMBERED_D[n_cores]
        return Size(cpus=int(constrained or cores), memory_gib=memory)
    if family.upper() == "B" and f"{n_cores}{letters}".lower() in _BURSTABLE:
        return Size(cpus=n_cores, memory_gib=_BURSTABLE[f"{n_cores}{letters}".lower()])
    for pattern, gib, cores_of_gpu in _FAMILIES:
        if re.fullmatch(pattern, plain, re.IGNORECASE):
            n_gpus = max(1, n_cores // cores_of_gpu) if cores_of_gpu else 0
            cpus = int(constrained or n_cores)
            return Size(cpus=cpus, memory_gib=round(n_cores * gib, 1), gpus=n_gpus)
    return None
