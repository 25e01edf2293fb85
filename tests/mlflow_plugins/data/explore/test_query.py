"""A user's SQL: what it may read, and that it can do nothing else."""

import pandas as pd
import pyarrow as pa
import pytest

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.data.explore import Limits, QueryTimeout, join, query
from mlflow_plugins.data.explore._query import _locked_connection


@pytest.fixture(scope="module")
def tables(make_table):
    people = make_table(pd.DataFrame({"id": [1, 2, 3], "name": ["Ann", "Bo", "Cy"]}))
    orders = make_table(pd.DataFrame({"person": [1, 1, 3], "sum of it": [5.0, 7.5, 1.0]}))
    return {"people": people, "orders": orders}


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT count(*) AS n FROM people", {"n": [3]}),
        ("from people select name where id > 1; -- the end", {"name": ["Bo", "Cy"]}),
        ('SELECT sum("sum of it") AS s FROM people JOIN orders ON person = id', {"s": [13.5]}),
        (
            "WITH r AS (FROM orders) FROM People SELECT id WHERE id IN (FROM r SELECT person)",
            {"id": [1, 3]},
        ),
        (
            "WITH RECURSIVE n AS (SELECT 1 i UNION ALL SELECT i + 1 FROM n WHERE i < 3) FROM n",
            {"i": [1, 2, 3]},
        ),
        ("SELECT CAST(id AS VARCHAR) || 'x' AS a FROM people WHERE id = 1", {"a": ["1x"]}),
        ("SELECT 1 AS a UNION ALL SELECT range::INT FROM range(2)", {"a": [1, 0, 1]}),
        ("VALUES (1)", {"col0": [1]}),
    ],
)
def test_a_select_is_answered(tables, sql, expected):
    found = query(sql, tables)
    assert found.rows.to_pydict() == expected
    assert found.is_complete


WRITES = [
    "INSERT INTO people VALUES (4, 'Di')",
    "UPDATE people SET id = 1",
    "DELETE FROM people",
    "CREATE TABLE t (a INT)",
    "CREATE VIEW v AS SELECT 1",
    "DROP VIEW people",
    "COPY people TO 'out.csv'",
    "COPY (SELECT 1) TO 'out.parquet'",
    "EXPORT DATABASE 'out'",
    "ATTACH 'x.db'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET memory_limit = '100GB'",
    "RESET threads",
    "PRAGMA version",
    "CALL pragma_version()",
    "CHECKPOINT",
    "VACUUM",
    "BEGIN",
    "USE memory",
    "PREPARE p AS SELECT 1",
    "EXPLAIN ANALYZE SELECT 1",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP VIEW people",
    "",
    "WITH x AS (INSERT INTO people VALUES (1, 'x') RETURNING *) SELECT * FROM x",
]
READS = [
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM glob('/*')",
    "SELECT (SELECT content FROM read_blob('/etc/passwd'))",
    "SELECT * FROM people WHERE id IN (SELECT 1 FROM read_csv('/etc/passwd'))",
    "WITH x AS (SELECT * FROM parquet_scan('x')) SELECT * FROM x",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM pg_catalog.pg_class",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('people')",
    "SELECT * FROM tables",
    "DESCRIBE people",
    "SHOW TABLES",
    "SUMMARIZE people",
]


@pytest.mark.parametrize("sql", WRITES)
def test_what_is_no_select_is_refused(tables, tmp_path, monkeypatch, sql):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInput, match=r"Only one SELECT is answered here|cannot be read"):
        query(sql, tables)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("sql", READS)
def test_only_the_tables_are_read(tables, sql):
    with pytest.raises(InvalidInput, match=r"There is no table|is refused|are refused"):
        query(sql, tables)


@pytest.mark.parametrize("sql", [*READS[:7], *WRITES[5:16]])
def test_the_database_itself_refuses_too(tables, tmp_path, monkeypatch, sql):
    """The second wall, without the first."""
    import duckdb

    monkeypatch.chdir(tmp_path)
    connection = _locked_connection(tables, Limits())
    harmless = sql.startswith(("DROP VIEW", "PRAGMA version", "CALL", "CREATE"))
    try:
        connection.execute(sql)
    except duckdb.Error:
        pass
    else:
        assert harmless
    finally:
        connection.close()
    assert not list(tmp_path.iterdir())


def test_python_variables_are_no_tables(tables):
    secrets = pd.DataFrame({"secret": [1]})
    assert len(secrets) == 1
    with pytest.raises(InvalidInput, match="no table 'secrets'"):
        query("SELECT * FROM secrets", tables)


def test_errors_say_what_is_wrong(tables):
    with pytest.raises(InvalidInput, match="cannot be read"):
        query("SELEC 1", tables)
    with pytest.raises(InvalidInput, match=r'(?s)cannot be answered.*"nme" not found'):
        query("SELECT nme FROM people", tables)
    with pytest.raises(InvalidInput, match=r"no table 'peopl'.*Did you mean 'people'"):
        query("SELECT * FROM peopl", tables)


def test_rows_are_limited(tables):
    found = query("SELECT range AS i FROM range(1000000) ORDER BY i DESC", tables, max_rows=2)
    assert found.rows.to_pydict() == {"i": [999_999, 999_998]}
    assert not found.is_complete
    assert query("SELECT * FROM people", tables, max_rows=3).is_complete


def test_time_is_limited(tables):
    with pytest.raises(QueryTimeout, match=r"longer than 0\.2 seconds"):
        query(
            "SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b",
            tables,
            limits=Limits(timeout_s=0.2),
        )


def test_memory_is_limited(tables):
    with pytest.raises(InvalidInput, match="more memory than the limit"):
        query("SELECT list(range) FROM range(100000000)", tables, limits=Limits(memory="30MB"))


def test_any_name_can_be_queried(make_table):
    table = make_table(pa.table({"A": [1], "a": [2], 'q"u': [3], "😀": [4], "new\nline": [5]}))
    found = query(
        'SELECT a, a_2, "q""u", "😀", "new\nline" FROM "my ""table"', {'my "table': table}
    )
    assert list(found.rows.to_pylist()[0].values()) == [1, 2, 3, 4, 5]
    with pytest.raises(InvalidInput, match="Give each a name of its own"):
        query("SELECT 1", {"t": table, "T": table})


# ---------------------------------------------------------------- join


@pytest.mark.parametrize("how", ["inner", "left"])
def test_a_join_is_that_of_pandas(make_table, tmp_path, how):
    left = pd.DataFrame({"k": [3.0, 1.0, None, 2.0], "g": list("aabb"), "x": [1, 2, 3, 4]})
    right = pd.DataFrame({"key": [1, 1, 3, 9], "g": list("aaab"), "x": [10, 20, 30, 40]})
    keys = [("k", "key"), "g"]
    found = join(make_table(left), make_table(right), on=keys, cache=tmp_path, how=how)
    expected = left.merge(
        right.rename(columns={"key": "k"}).astype({"k": float}),
        on=["k", "g"], how=how, suffixes=("", "_right"),
    )  # fmt: skip
    pd.testing.assert_frame_equal(found.rows().to_pandas(), expected, check_dtype=False)
    found.close()


def test_a_join_that_makes_no_sense_is_refused(make_table, tmp_path):
    left = make_table(pd.DataFrame({"k": [1] * 50, "t": "a"}))
    for keys, how, message in [
        ([], "inner", "at least one key"),
        ([("k", "t")], "inner", "differ in type"),
        (["z"], "inner", "no column 'z'"),
        (["k"], "outer", "Choose 'inner' or 'left'"),
    ]:
        with pytest.raises(InvalidInput, match=message):
            join(left, left, on=keys, cache=tmp_path, how=how)
    with pytest.raises(InvalidInput, match="2,500 rows, more than 1,000"):
        join(left, left, on=["k"], cache=tmp_path, max_rows=1000)
