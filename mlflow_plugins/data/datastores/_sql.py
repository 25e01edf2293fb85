"""Datastores that are databases: tables and queries become Parquet files, and nothing is written.

SQLAlchemy reaches them; the driver is the user's to install.
"""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import sqlalchemy
import sqlalchemy.exc
from mlflow.entities import FileInfo

from mlflow_plugins.core import InvalidInput, NotFound, StudioError, did_you_mean
from mlflow_plugins.data._transfer import Fingerprint
from mlflow_plugins.data.datastores._base import Datastore, inside
from mlflow_plugins.data.datastores._credentials import hide, read_all
from mlflow_plugins.data.datastores._query import check_reads_only

_ROWS_AT_ONCE = 10_000
# Said to the database first, so that it would refuse to write even if a query got past the check.
_READ_ONLY = {
    "sqlite": "PRAGMA query_only = ON",
    "postgresql": "SET TRANSACTION READ ONLY",
    "mysql": "SET SESSION TRANSACTION READ ONLY",
    "mariadb": "SET SESSION TRANSACTION READ ONLY",
    "oracle": "SET TRANSACTION READ ONLY",
}


@dataclass(frozen=True, slots=True)
class SqlDatastore(Datastore):
    """A database; the path of a table is its name.

    Attributes:
        name: Its name in the workspace.
        spec: What is stored about it; credentials are references.
    """

    name: str
    spec: Mapping[str, Any]
    kind: str = "sql"

    def uri(self, path: str = "") -> str:
        """Return the database's URL, without its password, and the table after a ``#``."""
        shown = sqlalchemy.make_url(self.spec["url"]).render_as_string(hide_password=True)
        return f"{shown}#{inside(path)}" if inside(path) else shown

    def upload(self, source: Path, path: str) -> str:
        """Refuse: nothing is written to databases."""
        del source
        raise InvalidInput(
            f"{self.address(path)} is in a database, to which nothing is written. "
            "Choose a datastore of another type."
        )

    def listing(self, path: str = "") -> list[FileInfo]:
        """List the tables and views."""
        del path
        with self._connection() as connection:
            known = sqlalchemy.inspect(connection)
            names = [*known.get_table_names(), *known.get_view_names()]
        return [FileInfo(name, False, None) for name in sorted(names)]

    def look_up(self, path: str, *, is_folder: bool = False) -> Fingerprint | None:
        """Make sure that a table exists; a table says nothing about its content."""
        del is_folder
        self._check_table(inside(path))
        return Fingerprint()

    def fingerprints(self, path: str) -> dict[str, Fingerprint] | None:
        """Refuse: a table is one file."""
        raise InvalidInput(f"{self.address(path)} is a table, not a folder. Write 'uri_file'.")

    def fetch(self, path: str, folder: Path, *, is_folder: bool = False) -> Path:
        """Copy a table into a Parquet file, whose path is returned."""
        del is_folder
        table = inside(path)
        self._check_table(table)
        target = folder / f"{table.replace('/', '_')}.parquet"
        with self._connection() as connection:
            quoted = connection.dialect.identifier_preparer.quote_identifier(table)
            self._write(connection, f"SELECT * FROM {quoted}", target)  # noqa: S608  (quoted)
        return target

    def check(self) -> str:
        """List its tables once."""
        return f"There are {len(self.listing())} tables and views."

    def query(self, text: str, target: Path) -> int:
        """Write the rows of a query that only reads to a Parquet file; return how many.

        Raises:
            InvalidInput: It is not one query, or the database does not understand it.
            NotAllowed: It writes.
            StudioError: The database cannot be reached.
        """
        check_reads_only(text, dialect=sqlalchemy.make_url(self.spec["url"]).get_backend_name())
        with self._connection() as connection:
            return self._write(connection, text, target)

    # ------------------------------------------------------------ inside

    def _check_table(self, name: str) -> None:
        known = [one.path for one in self.listing()]
        if name not in known:
            raise NotFound(
                f"The datastore {self.name!r} has no table {name!r}."
                + (did_you_mean(name, known) or f" There are: {', '.join(known[:10])}.")
            )

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlalchemy.Connection]:
        """Connect for reading; whatever was done is rolled back."""
        secrets = read_all(self.spec.get("credentials", {}))
        hidden = [secrets["password"]] if "password" in secrets else []
        url = sqlalchemy.make_url(self.spec["url"]).set(**secrets)  # type: ignore[arg-type]
        try:
            engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
        except (sqlalchemy.exc.ArgumentError, ImportError) as error:
            raise StudioError(
                f"The datastore {self.name!r} cannot be used: {hide(str(error), hidden)}. Its "
                "database's driver must be installed where it is read; SQLAlchemy's "
                "documentation names them."
            ) from error
        try:
            with engine.connect() as connection:
                if first := _READ_ONLY.get(connection.dialect.name):
                    connection.exec_driver_sql(first)
                yield connection
                connection.rollback()
        except sqlalchemy.exc.SQLAlchemyError as error:
            reason = hide(str(getattr(error, "orig", None) or error).splitlines()[0], hidden)
            raise StudioError(
                f"The database of the datastore {self.name!r} says: {reason.rstrip('.')}."
            ) from error
        finally:
            engine.dispose()

    def _write(self, connection: sqlalchemy.Connection, text: str, target: Path) -> int:
        streaming = connection.execution_options(stream_results=True, max_row_buffer=_ROWS_AT_ONCE)
        result = streaming.exec_driver_sql(text)
        names = list(result.keys())
        doubles = sorted({name for name in names if names.count(name) > 1})
        if doubles:
            raise InvalidInput(
                f"The query gives the column {doubles[0]!r} more than once. Name each with AS."
            )
        return write_rows(names, result.partitions(_ROWS_AT_ONCE), target)


def write_rows(names: Sequence[str], parts: Iterator[Sequence[Any]], target: Path) -> int:
    """Write rows to a Parquet file, though their types show only as they come; return how many.

    Each part is written by itself first, then all of them with the types that hold every value.

    Args:
        names: The columns.
        parts: Rows, some at a time.
        target: The file.

    Raises:
        InvalidInput: There are no rows.
    """
    with tempfile.TemporaryDirectory(dir=target.parent) as passing:
        files: list[Path] = []
        n_rows = 0
        for rows in parts:
            columns = {
                name: _column([row[index] for row in rows]) for index, name in enumerate(names)
            }
            path = Path(passing) / f"{len(files)}.parquet"
            pyarrow.parquet.write_table(pa.table(columns), path)
            files.append(path)
            n_rows += len(rows)
        if not files:
            raise InvalidInput("There are no rows. A data asset needs at least one.")
        schema = _common_schema([pyarrow.parquet.read_schema(path) for path in files])
        with pyarrow.parquet.ParquetWriter(target, schema) as writer:
            for path in files:
                writer.write_table(pyarrow.parquet.read_table(path).cast(schema))
    return n_rows


def _common_schema(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """Return the types that hold the values of all parts; texts where nothing else does."""
    fields = []
    for name in schemas[0].names:
        own = [pa.schema([schema.field(name)]) for schema in schemas]
        try:
            field = pa.unify_schemas(own, promote_options="permissive").field(name)
        except (pa.ArrowTypeError, pa.ArrowInvalid):
            field = pa.field(name, pa.string())
        fields.append(field.with_type(pa.string()) if pa.types.is_null(field.type) else field)
    return pa.schema(fields)


def _column(values: list[Any]) -> pa.Array:
    """Return values as an Arrow column; those that Arrow has no type for, as texts."""
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return pa.array([None if value is None else str(value) for value in values])
