"""A table as its MLTable file describes it, read as a stream."""

import contextlib
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from mlflow_plugins.core import AssetStore, InvalidInput, StudioError, did_you_mean
from mlflow_plugins.data._sql import quote
from mlflow_plugins.data.mltable._conversions import conversions
from mlflow_plugins.data.mltable._conversions import to_sql as conversion_to_sql
from mlflow_plugins.data.mltable._delimited import DelimitedReader
from mlflow_plugins.data.mltable._document import Blueprint, Step, read_blueprint
from mlflow_plugins.data.mltable._expressions import to_sql
from mlflow_plugins.data.mltable._files import Finder, TableFile
from mlflow_plugins.data.mltable._others import (
    DeltaReader,
    JsonLinesReader,
    ListReader,
    ParquetReader,
)
from mlflow_plugins.data.mltable._partitions import (
    check_matches,
    columns_sql,
    parse_partition_format,
)

_PATH = "Path"
_HIDDEN = "__file"
_ROWS_AT_ONCE = 20_000
_ALL_ROWS = 1 << 62


class MLTable:
    """A table that is read when it is asked for.

    Args:
        blueprint: What its MLTable file says.
        base_folder: What relative paths in it count from.
        store: Where datastores and assets are looked up; needed for ``azureml:`` addresses alone.
        stay_inside: Refuse paths of this machine outside of the base folder.
    """

    def __init__(
        self,
        blueprint: Blueprint,
        *,
        base_folder: Path,
        store: AssetStore | None = None,
        stay_inside: bool = False,
    ) -> None:
        self.blueprint = blueprint
        self._base_folder = base_folder
        self._store = store
        self._stay_inside = stay_inside
        self._seed = secrets.randbits(32)  # of samples without one: the same for every reading

    @contextlib.contextmanager
    def reader(self, *, n_rows: int | None = None) -> Iterator[pa.RecordBatchReader]:
        """Open the table as a stream of Arrow batches, whose memory does not grow with its length.

        Args:
            n_rows: Read no more than this.

        Raises:
            InvalidInput: The file, its paths or a value breaks a rule.
            NotFound: A path has no file.
        """
        with tempfile.TemporaryDirectory() as work, duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            failures: list[StudioError] = []
            with _explained(failures):
                source, shown = self._open(Path(work), failures)
                relation = self._chain(connection.from_arrow(source), shown)
                if n_rows is not None:
                    relation = relation.limit(n_rows)
                yield relation.to_arrow_reader(_ROWS_AT_ONCE)

    def read_batches(self) -> Iterator[pa.RecordBatch]:
        """Read the table batch by batch. See `reader` for what is raised."""
        with self.reader() as reader:
            yield from reader

    def to_arrow(self, *, n_rows: int | None = None) -> pa.Table:
        """Read the table, or its first rows. See `reader` for what is raised."""
        with self.reader(n_rows=n_rows) as reader:
            return reader.read_all()

    def to_pandas(self, *, n_rows: int | None = None) -> Any:
        """Read the table as a pandas data frame. See `reader` for what is raised."""
        return self.to_arrow(n_rows=n_rows).to_pandas()

    # ------------------------------------------------------------ reading

    def _open(
        self, work: Path, failures: list[StudioError]
    ) -> tuple[pa.RecordBatchReader, list[str]]:
        """Return the rows of all files with the file of each in a hidden column."""
        blueprint = self.blueprint
        finder = Finder(
            base_folder=self._base_folder,
            work_folder=work,
            store=self._store,
            stay_inside=self._stay_inside,
            keep_folders=blueprint.reader == "read_delta_lake",
        )
        files = finder.find(blueprint.paths)
        reader = self._make_reader(files, work)
        schema = pa.schema([*reader.schema, pa.field(_HIDDEN, pa.string())])

        def batches() -> Iterator[pa.RecordBatch]:
            try:
                for index, file in enumerate(files):
                    for batch in reader.batches(index):
                        names = pa.array([file.shown] * batch.num_rows, pa.string())
                        yield pa.RecordBatch.from_arrays([*batch.columns, names], schema=schema)
            except StudioError as error:  # DuckDB would make it one of its own, with its traceback
                failures.append(error)
                raise

        return pa.RecordBatchReader.from_batches(schema, batches()), [one.shown for one in files]

    def _make_reader(self, files: list[TableFile], work: Path) -> Any:
        options = self.blueprint.options
        makers: Mapping[str, Callable[[], Any]] = {
            "read_delimited": lambda: DelimitedReader(files, options, work),
            "read_parquet": lambda: ParquetReader(files),
            "read_json_lines": lambda: JsonLinesReader(files, options, work),
            "read_delta_lake": lambda: DeltaReader(files, options),
            "none": ListReader,
        }
        return makers[self.blueprint.reader]()

    # ------------------------------------------------------------ steps

    def _chain(self, relation: Any, shown: list[str]) -> Any:
        options = self.blueprint.options
        lists_files = self.blueprint.reader == "none"
        if options.get("include_path_column") or lists_files:
            name = quote(str(options.get("path_column") or _PATH))
            relation = relation.project(f"{quote(_HIDDEN)} AS {name}, *")
        if options.get("partition_format"):
            relation = self._partition(relation, options["partition_format"], shown)
        for step in self.blueprint.steps:
            relation = self._apply(relation, step, shown)
        kept = [quote(name) for name in relation.columns if name != _HIDDEN]
        if not kept:
            raise InvalidInput("No column is left. Keep at least one.")
        return relation.project(", ".join(kept))

    def _apply(self, relation: Any, step: Step, shown: list[str]) -> Any:
        given = step.given
        match step.name:
            case "filter":
                return relation.filter(to_sql(_text(step), _visible(relation)))
            case "take":
                return relation.limit(_count(step))
            case "skip":
                return relation.limit(_ALL_ROWS, offset=_count(step))
            case "take_random_sample":
                return self._sample(relation, step)
            case "keep_columns":
                names = [*_columns(step, relation), _HIDDEN]
                return relation.project(", ".join(map(quote, names)))
            case "drop_columns":
                gone = _columns(step, relation)
                kept = [quote(one) for one in relation.columns if one not in gone]
                return relation.project(", ".join(kept))
            case "convert_column_types":
                return self._convert(relation, given)
            case _:
                return self._partition(relation, given, shown)

    def _sample(self, relation: Any, step: Step) -> Any:
        """Draw each row by itself: the same rows for the same seed, however they are read."""
        given = step.given if isinstance(step.given, Mapping) else {}
        probability, seed = given.get("probability"), given.get("seed", self._seed)
        if isinstance(probability, bool) or not isinstance(probability, int | float):
            raise InvalidInput("take_random_sample needs 'probability', a number from 0 to 1.")
        if not 0 <= probability <= 1 or set(given) - {"probability", "seed"}:
            raise InvalidInput(
                f"take_random_sample has {dict(given)}. It takes 'probability', a number from 0 to "
                "1, and 'seed'."
            )
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise InvalidInput(f"The seed of take_random_sample is {seed!r}. It must be a number.")
        drawn = f"hash(row_number() OVER (), {seed}::HUGEINT) / 18446744073709551616.0"
        numbered = relation.project(f"*, {drawn} AS __drawn")
        kept = ", ".join(map(quote, relation.columns))
        return numbered.filter(f"__drawn < {float(probability)!r}").project(kept)

    @staticmethod
    def _convert(relation: Any, given: Any) -> Any:
        wanted = conversions(given)
        kinds = dict(zip(relation.columns, map(str, relation.types), strict=True))
        for name in wanted:
            _check_column(name, relation)
        return relation.project(
            ", ".join(
                f"{conversion_to_sql(name, *wanted[name], standing=kind)} AS {quote(name)}"
                if name in wanted
                else quote(name)
                for name, kind in kinds.items()
            )
        )

    @staticmethod
    def _partition(relation: Any, given: Any, shown: list[str]) -> Any:
        partition = parse_partition_format(given)
        for path in shown:
            check_matches(partition, path)
        for name in partition.columns:
            if name in relation.columns:
                raise InvalidInput(
                    f"The partition format has the column {name!r}, which the files have as well."
                )
        return relation.project(f"{columns_sql(partition, quote(_HIDDEN))}, *")


def load(
    path: Path | str,
    *,
    store: AssetStore | None = None,
    stay_inside: bool = False,
) -> MLTable:
    """Load the table that a folder with an ``MLTable`` file describes; no data is read yet.

    Args:
        path: The folder, or the file.
        store: Where datastores and assets are looked up; needed for ``azureml:`` addresses alone.
        stay_inside: Refuse paths of this machine outside of the folder.

    Raises:
        InvalidInput: There is no such file, or it breaks a rule.
    """
    path = Path(path)
    folder = path if path.is_dir() else path.parent
    blueprint = read_blueprint(path)
    return MLTable(blueprint, base_folder=folder.absolute(), store=store, stay_inside=stay_inside)


@contextlib.contextmanager
def _explained(failures: list[StudioError]) -> Iterator[None]:
    """Turn what DuckDB and Arrow say into errors of ours; those that came first are said."""
    try:
        yield
    except StudioError:
        raise
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        if failures:
            raise failures[0] from error
        raise InvalidInput(f"The table cannot be read: {_said(error)}") from error


# ---------------------------------------------------------------- what steps are given


def _visible(relation: Any) -> list[str]:
    return [name for name in relation.columns if name != _HIDDEN]


def _columns(step: Step, relation: Any) -> list[str]:
    given = step.given if isinstance(step.given, list) else [step.given]
    names = [str(one) for one in given]
    for name in names:
        _check_column(name, relation)
    if len(set(names)) < len(names):
        raise InvalidInput(f"{step.name} names a column twice: {', '.join(names)}.")
    return names


def _check_column(name: str, relation: Any) -> None:
    known = _visible(relation)
    if name not in known:
        raise InvalidInput(
            f"There is no column {name!r}."
            + (did_you_mean(name, known) or f" There are: {', '.join(known[:20])}.")
        )


def _count(step: Step) -> int:
    given = step.given.get("count") if isinstance(step.given, Mapping) else step.given
    if isinstance(given, bool) or not isinstance(given, int) or given < 0:
        raise InvalidInput(f"{step.name} has {step.given!r}. It takes a number of rows.")
    return given


def _text(step: Step) -> str:
    given = step.given.get("expression") if isinstance(step.given, Mapping) else step.given
    if not isinstance(given, str) or not given.strip():
        raise InvalidInput(f"filter has {step.given!r}. It takes an expression in quotes.")
    return given


def _said(error: BaseException) -> str:
    """Return what went wrong, without the words around it."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    for kind in ("Invalid Input Error: ", "Conversion Error: ", "Binder Error: "):
        text = text.removeprefix(kind)
    return text.rstrip(".") + "."
