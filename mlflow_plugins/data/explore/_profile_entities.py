"""What a profile says: plain records without NaN that go through JSON unchanged."""

from dataclasses import dataclass
from typing import Any, Literal, Self, TypeVar

T = TypeVar("T")
Value = bool | int | float | str
Edge = int | float | str
_ADAPTERS: dict[type[object], Any] = {}  # making one is slow

AssociationMeasure = Literal["pearson", "cramers_v", "correlation_ratio"]
SuspicionKind = Literal[
    "constant", "id_like", "mostly_missing", "duplicate_rows", "duplicate_column", "leakage", "pii"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantile:
    """The value below which a share ``q`` of the values lies; between two values, linear."""

    q: float
    value: Edge


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueCount:
    """A value, written as text, and how many rows have it."""

    value: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bins:
    """A histogram with bins of equal width; ``edges`` is one longer than ``counts``."""

    edges: tuple[Edge, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberFigures:
    """Figures of the finite values of a number column; None where there are too few values.

    Attributes:
        std, variance: With ``n - 1``, as pandas has them.
        skewness, kurtosis: Adjusted for bias (G1; excess G2), as pandas and Azure have them.
        lower_fence, upper_fence: 1.5 IQR below the first and above the third quartile.
        n_outliers: Values beyond the fences (Tukey's rule).
    """

    mean: float | None
    std: float | None
    variance: float | None
    skewness: float | None
    kurtosis: float | None
    n_zeros: int
    n_negative: int
    n_infinite: int
    lower_fence: float | None
    upper_fence: float | None
    n_outliers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFigures:
    """Lengths in characters, and texts that are empty or blank."""

    min_length: int
    mean_length: float
    max_length: int
    n_empty: int
    n_blank: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeCount:
    """How many values are of a type: for texts, what they would be if they were read as that."""

    type: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnProfile:
    """One column.

    Attributes:
        name: The column's name.
        type: integer, number, boolean, date, datetime, text or other.
        count: Rows.
        n_missing: Rows without a value (NULL or NaN).
        n_not_missing: Rows with one.
        n_distinct: Different values, without missing ones.
        minimum, maximum: Of numbers and dates (ISO), and of texts in order of their characters.
        type_distribution: What the values are.
        quantiles: Of numbers and dates.
        histogram: Of numbers and dates.
        top_values: The most frequent values, most frequent first.
        numbers: Figures of number columns.
        texts: Figures of text columns.
        approximate: Names of figures that were estimated from a sample or a sketch.
    """

    name: str
    type: str
    count: int
    n_missing: int
    n_not_missing: int
    n_distinct: int
    minimum: Value | None
    maximum: Value | None
    type_distribution: tuple[TypeCount, ...]
    quantiles: tuple[Quantile, ...] = ()
    histogram: Bins | None = None
    top_values: tuple[ValueCount, ...] = ()
    numbers: NumberFigures | None = None
    texts: TextFigures | None = None
    approximate: tuple[str, ...] = ()

    @property
    def is_exact(self) -> bool:
        """Whether every figure comes from all rows."""
        return not self.approximate


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """How much two columns say about one another.

    Attributes:
        a, b: The columns' names.
        measure: ``pearson`` for two numbers (-1 to 1); ``cramers_v`` for two categories and
            ``correlation_ratio`` for a category and a number (0 to 1, both corrected for bias).
        value: The measure.
    """

    a: str
    b: str
    measure: AssociationMeasure
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetAssociation:
    """What a column says about the target.

    Attributes:
        association: None if it has none, for instance because the column is constant.
        predictive_power: By how much knowing the column alone reduces the error of predicting the
            target, in rows that were not used to learn it: 0 nothing, 1 all of it.
    """

    column: str
    association: Association | None
    predictive_power: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingPattern:
    """Columns that are missing together, in exactly ``count`` rows; none: complete rows."""

    columns: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingMap:
    """Where values are missing.

    Attributes:
        columns: Columns with missing values, most first; at most 62.
        together: ``together[i][j]`` rows miss both ``columns[i]`` and ``columns[j]``.
        patterns: The most frequent patterns, most frequent first.
        n_patterns: How many there are.
        n_complete_rows: Rows that miss none of ``columns``.
    """

    columns: tuple[str, ...]
    together: tuple[tuple[int, ...], ...]
    patterns: tuple[MissingPattern, ...]
    n_patterns: int
    n_complete_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """Something to look at before the table is used."""

    kind: SuspicionKind
    columns: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableProfile:
    """What is in a table.

    Attributes:
        n_rows: Rows.
        columns: In the table's order.
        sample_size: Rows used for associations, types of texts and personal data; all if the table
            has no more.
        associations: Between pairs of columns that have one, in order of the columns.
        association_columns: The columns that were paired; a table may have too many for all.
        target: The chosen target's name.
        target_associations: Of the other columns, strongest first.
        missing: Where values are missing.
        n_duplicate_rows: Rows that repeat an earlier row.
        suspicions: What to look at.
        is_exact: Whether all figures of columns come from all rows.
    """

    n_rows: int
    columns: tuple[ColumnProfile, ...]
    sample_size: int
    associations: tuple[Association, ...]
    association_columns: tuple[str, ...]
    target: str | None
    target_associations: tuple[TargetAssociation, ...]
    missing: MissingMap
    n_duplicate_rows: int
    suspicions: tuple[Suspicion, ...]
    is_exact: bool

    def column(self, name: str) -> ColumnProfile:
        """Return a column's profile.

        Raises:
            KeyError: There is no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def to_dict(self) -> dict[str, Any]:
        """Return what ``json.dumps`` can write."""
        return to_dict(self)

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Self:
        """Read what `to_dict` returned."""
        return from_dict(cls, document)


def to_dict(record: object) -> dict[str, Any]:
    """Turn a record into plain JSON values."""
    document: dict[str, Any] = _adapter(type(record)).dump_python(record, mode="json")
    return document


def from_dict(cls: type[T], document: dict[str, Any]) -> T:
    """Turn plain JSON values into a record.

    Raises:
        InvalidInput: The document is not one of these.
    """
    from pydantic import ValidationError

    from mlflow_plugins.core import InvalidInput

    try:
        record: T = _adapter(cls).validate_python(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the document"
        raise InvalidInput(
            f"This is no {cls.__name__}: {where}: {first['msg']}. Compute it again."
        ) from error
    return record


def _adapter(cls: type[object]) -> Any:
    if cls not in _ADAPTERS:
        from pydantic import TypeAdapter

        _ADAPTERS[cls] = TypeAdapter(cls)
    return _ADAPTERS[cls]
