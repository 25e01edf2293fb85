"""What was found in the table and what was done about it."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

State = Literal["passed", "done", "alerted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One guardrail's outcome.

    Attributes:
        check: Short stable name, such as `missing_values`.
        state: `passed` (nothing found), `done` (found and dealt with) or `alerted` (found; yours
            to judge).
        message: One sentence for people.
        columns: Columns it speaks of.
    """

    check: str
    state: State
    message: str
    columns: tuple[str, ...] = ()


def done(check: str, message: str, *, state: State = "done") -> Finding:
    """Return a finding that was dealt with, or of another state."""
    return Finding(check=check, state=state, message=message)


@dataclass(frozen=True, slots=True)
class GuardrailReport:
    """All findings, in the order in which they were made."""

    findings: tuple[Finding, ...] = ()

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __add__(self, more: "GuardrailReport | tuple[Finding, ...]") -> "GuardrailReport":
        return GuardrailReport(self.findings + tuple(more))

    def of(self, check: str) -> tuple[Finding, ...]:
        """Return the findings of one check."""
        return tuple(f for f in self.findings if f.check == check)

    def as_records(self) -> list[dict[str, Any]]:
        """Return plain dictionaries, the schema of `guardrails.json`."""
        return [asdict(f) | {"columns": list(f.columns)} for f in self.findings]
