"""Databases: tables and queries become Parquet; what writes is refused twice."""

import datetime as dt
import sqlite3

import pandas as pd
import pyarrow.parquet
import pytest

from mlflow_plugins.core import InvalidInput, NotAllowed, NotFound, StudioError
from mlflow_plugins.data.datastores import SqlDatastore, check_reads_only
from mlflow_plugins.data.datastores import _sql as sql


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "a.db"
    connection = sqlite3.connect(path)
    connection.execute('create table "people ü" (age integer, name text, weight)')
    rows = [(n, f"n{n}", None if n < 20 else n / 2) for n in range(50)]
    connection.executemany('insert into "people ü" values (?, ?, ?)', rows)
    connection.commit()
    connection.close()
    return SqlDatastore("db", {"type": "sql", "url": f"sqlite:///{path}"})


def test_a_table_becomes_parquet(database, tmp_path, monkeypatch):
    monkeypatch.setattr(sql, "_ROWS_AT_ONCE", 7)  # many parts, the first ones without weights
    assert [one.path for one in database.listing()] == ["people ü"]
    path = database.fetch("people ü", tmp_path)
    expected = pd.DataFrame({"age": range(50), "name": [f"n{n}" for n in range(50)]})
    expected["weight"] = [None if n < 20 else n / 2 for n in range(50)]
    pd.testing.assert_frame_equal(
        pyarrow.parquet.read_table(path).to_pandas(), expected, check_dtype=False
    )
    assert database.check() == "There are 1 tables and views."
    with pytest.raises(NotFound, match=r"no table 'people'.*Did you mean 'people ü'"):
        database.fetch("people", tmp_path)
    with pytest.raises(InvalidInput, match="nothing is written"):
        database.upload(path, "x")


def test_a_query_becomes_parquet(database, tmp_path):
    query = 'with old as (select * from "people ü" where age > 40) select count(*) as n from old'
    assert database.query(query, tmp_path / "out.parquet") == 1
    assert pyarrow.parquet.read_table(tmp_path / "out.parquet").to_pydict() == {"n": [9]}


@pytest.mark.parametrize(
    ("query", "error", "message"),
    [
        ('select age, age from "people ü"', InvalidInput, "'age' more than once"),
        ('select * from "people ü" where age > 99', InvalidInput, "There are no rows"),
        ("select * from missing", StudioError, "no such table: missing"),
        ("selct 1", InvalidInput, "."),
    ],
)
def test_a_query_that_does_not_work_says_why(database, tmp_path, query, error, message):
    with pytest.raises((error, NotAllowed), match=message):
        database.query(query, tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()


WRITING = [
    "insert into t values (1)",
    "update t set a = 1",
    "delete from t",
    "drop table t",
    "create table t (a int)",
    "create table t as select 1",
    "alter table t add column b int",
    "truncate table t",
    "select 1; drop table t",
    "with gone as (delete from t returning *) select * from gone",
    "select * into copy_of_t from t",
    "select * from t for update",
    "merge into t using s on t.a = s.a when matched then delete",
    "grant all on t to public",
    "copy t to '/tmp/x'",
    "copy t to program 'id'",
    "call p()",
    "do $$ begin end $$",
    "set role admin",
    "select lo_import('/etc/passwd')",
    "select pg_read_file('/etc/passwd')",
    "select * from dblink('x', 'drop table t') as t(a int)",
    "select setval('s', 1)",
    "vacuum",
    "explain analyze delete from t",
    "lock table t",
    "begin",
    "",
]


@pytest.mark.parametrize("query", WRITING)
def test_a_query_that_writes_is_refused(query):
    with pytest.raises((NotAllowed, InvalidInput)):
        check_reads_only(query, dialect="postgresql")


@pytest.mark.parametrize(
    ("query", "dialect"),
    [
        ("attach database 'x' as y", "sqlite"),
        ("pragma writable_schema = 1", "sqlite"),
        ("select load_extension('x')", "sqlite"),
        ("select load_file('/etc/passwd')", "mysql"),
        ("select 1 into outfile '/tmp/x'", "mysql"),
        ("exec xp_cmdshell 'id'", "mssql"),
        ("replace into t values (1)", "mysql"),
    ],
)
def test_what_writes_elsewhere_is_refused(query, dialect):
    with pytest.raises((NotAllowed, InvalidInput)):
        check_reads_only(query, dialect=dialect)


@pytest.mark.parametrize(
    "query",
    [
        "select * from t",
        "SELECT a, 'drop table t' AS delete_it FROM \"update\" -- insert",
        "select 1 union all select 2",
        "(select 1)",
        "with a as (select 1 as x) select * from a join t on a.x = t.x order by 1 limit 5;",
        "values (1), (2)",
        "select count(*) filter (where a > 1) over (partition by b) from t",
    ],
)
def test_a_query_that_reads_passes(query):
    check_reads_only(query, dialect="postgresql")


def test_the_database_refuses_as_well(database, tmp_path, monkeypatch):
    monkeypatch.setattr(sql, "check_reads_only", lambda text, dialect: None)
    with pytest.raises(StudioError, match="readonly database"):
        database.query("create table x as select 1", tmp_path / "x.parquet")


def test_types_of_python_become_those_of_arrow():
    assert str(sql._column([dt.date(2024, 1, 1), None]).type) == "date32[day]"
    assert sql._column([1, "x"]).to_pylist() == ["1", "x"]


def test_a_driver_that_is_missing_is_named():
    broken = SqlDatastore("db", {"type": "sql", "url": "nosuchdb://host/x"})
    with pytest.raises(StudioError, match=r"nosuchdb.*driver must be installed"):
        broken.check()


def test_a_password_does_not_show(monkeypatch):
    monkeypatch.setenv("DB_PASSWORD", "hunter2hunter2")
    spec = {"type": "sql", "url": "sqlite:////no/such/folder/x.db"}
    broken = SqlDatastore("db", {**spec, "credentials": {"password": "env:DB_PASSWORD"}})
    with pytest.raises(StudioError) as caught:
        broken.check()
    assert "hunter2" not in str(caught.value)
    assert broken.uri("t") == "sqlite:////no/such/folder/x.db#t"
