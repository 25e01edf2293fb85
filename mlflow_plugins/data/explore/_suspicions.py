"""What to look at before a table is used: each with a reason in words."""

from collections.abc import Iterator, Sequence

import pyarrow.compute as pc

from mlflow_plugins.data.explore._associations import strongest
from mlflow_plugins.data.explore._personal import meaning_of_name, meaning_of_values
from mlflow_plugins.data.explore._profile_entities import (
    ColumnProfile,
    Suspicion,
    TargetAssociation,
)
from mlflow_plugins.data.explore._reading import Sample

_LEAKS_FROM = 0.97
_ID_SHARE = 0.98
_ID_ROWS = 20
_MOSTLY = 0.5
_LOOKED_AT = 2000


def suspicions(
    columns: Sequence[ColumnProfile],
    sample: Sample,
    n_duplicate_rows: int,
    about_target: Sequence[TargetAssociation],
    target: str | None,
) -> tuple[Suspicion, ...]:
    """Gather what looks wrong or delicate."""
    found: list[Suspicion] = []
    for column in columns:
        found += _of_column(column, sample)
    found += _same_columns(columns, sample)
    if n_duplicate_rows:
        found.append(
            Suspicion(
                kind="duplicate_rows",
                columns=(),
                reason=f"{n_duplicate_rows:,} rows repeat an earlier row.",
            )
        )
    found += [_leak(one, str(target)) for one in strongest(about_target, _LEAKS_FROM)]
    return tuple(found)


def _of_column(column: ColumnProfile, sample: Sample) -> Iterator[Suspicion]:
    name = (column.name,)
    if column.n_not_missing == 0:
        yield Suspicion(kind="constant", columns=name, reason="It has no values.")
    elif column.n_distinct == 1 and column.n_missing == 0:
        value = column.top_values[0].value if column.top_values else column.minimum
        yield Suspicion(kind="constant", columns=name, reason=f"Every row has {value!r}.")
    elif column.n_missing >= _MOSTLY * column.count:
        share = column.n_missing / column.count
        yield Suspicion(
            kind="mostly_missing", columns=name, reason=f"{share:.0%} of its values are missing."
        )
    if _is_id_like(column):
        yield Suspicion(
            kind="id_like",
            columns=name,
            reason=f"{column.n_distinct:,} different values in {column.n_not_missing:,} rows: it "
            "names rows and says nothing about new ones.",
        )
    yield from _personal(column, sample)


def _is_id_like(column: ColumnProfile) -> bool:
    return (
        column.type in {"integer", "text"}
        and column.n_not_missing >= _ID_ROWS
        and column.n_distinct >= _ID_SHARE * column.n_not_missing
        # Long texts are all different because they are texts.
        and (column.texts is None or column.texts.mean_length <= 50)
    )


def _personal(column: ColumnProfile, sample: Sample) -> Iterator[Suspicion]:
    meaning = meaning_of_name(column.name)
    found = meaning_of_values(_some_values(column, sample))
    if found:
        looks, share = found
        reason = f"{share:.0%} of the values looked at are or contain {looks}."
        yield Suspicion(kind="pii", columns=(column.name,), reason=reason)
    elif meaning and column.n_not_missing:
        reason = f"Its name speaks of {meaning}."
        yield Suspicion(kind="pii", columns=(column.name,), reason=reason)


def _some_values(column: ColumnProfile, sample: Sample) -> list[str]:
    """Different values of the sample: texts, and whole numbers as long as those of cards."""
    if column.type == "text":
        values = pc.unique(sample.texts[column.name].drop_null())
        return [str(value) for value in values[:_LOOKED_AT].to_pylist()]
    if column.type == "integer" and isinstance(column.minimum, int) and column.minimum >= 10**12:
        numbers = sample.numbers[column.name]
        return [f"{value:.0f}" for value in numbers[numbers == numbers][:_LOOKED_AT]]  # noqa: PLR0124 # not NaN
    return []


def _same_columns(columns: Sequence[ColumnProfile], sample: Sample) -> Iterator[Suspicion]:
    groups: dict[tuple[object, ...], list[str]] = {}
    for column in columns:
        if column.n_distinct > 1:
            key = (column.type, column.n_missing, column.n_distinct, *column.top_values)
            groups.setdefault(key, []).append(column.name)
    for names in groups.values():
        for i, name in enumerate(names):
            same = next((one for one in names[:i] if _are_same(one, name, sample)), None)
            if same is not None:
                yield Suspicion(
                    kind="duplicate_column",
                    columns=(same, name),
                    reason=f"Both have the same value in all {sample.size:,} rows looked at.",
                )


def _are_same(a: str, b: str, sample: Sample) -> bool:
    if a in sample.numbers:
        return bool((sample.numbers[a].view("i8") == sample.numbers[b].view("i8")).all())
    return bool(sample.texts[a].equals(sample.texts[b]))


def _leak(one: TargetAssociation, target: str) -> Suspicion:
    by = (
        f"{one.association.measure} {one.association.value:.3f}, "
        if one.association is not None
        else ""
    )
    return Suspicion(
        kind="leakage",
        columns=(one.column,),
        reason=f"It nearly determines {target!r} ({by}predictive power "
        f"{one.predictive_power:.3f}). Is it known before the target is?",
    )
