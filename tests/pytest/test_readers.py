"""Readers keep their grants and views through every run, and wait for none.

The models are those of scratch projects with this project's materializations.
"""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2
import pytest
from scratch import Scratch

from dbt_local_python.adapter import _say_who_is_in_the_way

WAIT = 0.5
PROJECT = {"name": "scratch", "version": "1.0", "profile": "scratch"}
REFRESH = pytest.mark.parametrize(
    "refresh", [(), ("--full-refresh",)], ids=["run", "full refresh"]
)


class Plant(Scratch):
    """A table `t`, a view `v` on it and a seed `s`, all with a column `n`."""

    def __init__(self, folder: Path, dsn: dict, schema: str) -> None:
        super().__init__(folder, dsn, schema)
        lock_wait = {"seconds": WAIT, "tries": 3}
        self.write("dbt_project.yml", PROJECT | {"vars": {"lock_wait": lock_wait}})
        self.sql("t", "select 1 as n")
        self.sql("v", "select n from {{ ref('t') }}", materialized="view")
        self.write("seeds/s.csv", "n\n1\n")

    def sql(self, name: str, select: str, columns: list | None = None, **config):
        config = {"materialized": "table"} | config
        self.write(f"models/{name}.sql", select)
        node = {"name": name, "config": config, "columns": columns or []}
        self.write(f"models/{name}.yml", {"models": [node]})

    def build(self, *arguments: str, succeeds: bool = True) -> str:
        return self.dbt("build", *arguments, succeeds=succeeds)

    def columns(self, relation: str) -> list[tuple]:
        return self.query(
            "select attname, format_type(atttypid, atttypmod), attnotnull"
            f" from pg_attribute where attrelid = '{relation}'::regclass"
            " and attnum > 0 and not attisdropped order by attnum"
        )

    def oid(self, relation: str) -> int:
        return self.query(f"select '{relation}'::regclass::oid")[0][0]

    def grants(self, relation: str) -> list[str]:
        rows = self.query(
            "select grantee::regrole::text, privilege_type, is_grantable"
            f" from pg_class, aclexplode(relacl) where oid = '{relation}'::regclass"
            " and grantee <> relowner order by 1, 2"
        )
        return [
            f"{role} {privilege}{'+' * may_grant}"
            for role, privilege, may_grant in rows
        ]


@pytest.fixture
def plant(tmp_path: Path, hostile: dict, request: pytest.FixtureRequest) -> Plant:
    plant = Plant(tmp_path, hostile, f"r{abs(hash(request.node.name)) % 10**9}")
    for role in ("reader", "analyst"):
        plant.query(
            f"do $$ begin create role {role};"
            " exception when duplicate_object then null; end $$"
        )
    return plant


@pytest.fixture
def built(plant: Plant) -> Plant:
    """Built once, and granted to a role."""
    plant.build()
    plant.query("grant select on t, v, s to reader")
    return plant


@contextmanager
def session(plant: Plant, *statements: str) -> Iterator[psycopg2.extensions.connection]:
    """Another session with a transaction open."""
    options = f"-c search_path={plant.schema}"
    opened = psycopg2.connect(**plant.dsn, options=options, application_name="board")
    with closing(opened), opened.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        yield opened


@contextmanager
def a_reader(plant: Plant, relation: str) -> Iterator[list[float]]:
    """Reads again and again; how long each time took."""
    waits, is_over = [], threading.Event()

    def read() -> None:
        with session(plant) as opened, opened.cursor() as cursor:
            opened.autocommit = True
            while not is_over.is_set():
                began = time.monotonic()
                cursor.execute(f"select count(*) from {relation}")
                waits.append(time.monotonic() - began)
                time.sleep(0.01)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield waits
    finally:
        is_over.set()
        thread.join()


# --- nothing is lost ------------------------------------------------------------


@REFRESH
@pytest.mark.parametrize("grows", [False, True], ids=["same columns", "new column"])
def test_grants_views_and_indexes_of_others_stay(built, refresh, grows):
    for name in "tvs":
        built.query(f"create view of_{name} as select n as seen from {name}")
    built.query("create index by_hand on t (n); create index on s (n)")
    oids = [built.oid(name) for name in ("t", "v", "s", "by_hand")]
    new = ", 'x'::text as x" if grows else ""
    built.sql("t", f"select 2 as n{new}")
    built.sql("v", f"select n{new} from {{{{ ref('t') }}}}", materialized="view")
    built.write("seeds/s.csv", "x,n\na,2\n" if grows else "n\n2\n")
    built.build(*refresh)
    for name in "tvs":
        assert built.grants(name) == ["reader SELECT"]
        assert built.query(f"select seen from of_{name}") == [(2,)]
        assert len(built.columns(name)) == 1 + grows
    assert [built.oid(name) for name in ("t", "v", "s", "by_hand")] == oids


@REFRESH
def test_columns_that_nobody_reads_change_in_place(built, refresh):
    columns = [{"name": "d", "data_type": "date"}, {"name": "n", "data_type": "text"}]
    contract = {"enforced": True}
    built.sql("t", "select current_date as d, 'a' as n, 1 as gone")
    built.sql("v", "select 1 as n", materialized="view")
    built.build()
    built.query("create index by_hand on t (n)")
    oid = built.oid("t")
    columns[1]["constraints"] = [{"type": "not_null"}]
    select = "select 'b'::text as n, current_date as d"
    built.sql("t", select, columns, contract=contract)
    built.build(*refresh)
    built.sql("t", select, columns, contract=contract, indexes=[{"columns": ["d"]}])
    built.build(*refresh)
    assert built.columns("t") == [("n", "text", True), ("d", "date", False)]
    assert built.query("select n from t") == [("b",)]
    assert (built.oid("t"), built.grants("t")) == (oid, ["reader SELECT"])
    columns[1]["constraints"] = []
    built.sql("t", select.replace("'b'", "null"), columns, contract=contract)
    built.build(*refresh)
    assert built.query("select n from t") == [(None,)]


@REFRESH
@pytest.mark.parametrize("select", ["select 2 as m", "select 'a' as n"])
def test_a_column_that_a_view_of_others_reads_is_not_taken_away(built, refresh, select):
    built.query("create view theirs as select n from t")
    built.sql("t", select)
    built.sql("v", "select 1 as n", materialized="view")
    built.build("-s", "v")
    said = built.build("-s", "t", *refresh, succeeds=False)
    theirs = f"view {built.schema}.theirs"
    assert f'column n of "{built.dsn["dbname"]}"."{built.schema}"."t"' in said
    assert f"drop or change {theirs}, and build again." in said
    assert built.query("select n from theirs") == [(1,)]
    built.query("drop view theirs")
    built.build("-s", "t", *refresh)
    assert built.grants("t") == ["reader SELECT"]


@REFRESH
@pytest.mark.parametrize("table", ["t", "s"])
def test_our_own_view_lets_a_column_go_and_keeps_what_hangs_on_it(
    plant, refresh, table
):
    """The view is not of the column that others have built on it."""
    plant.sql("t", "select 1 as n, 2 as gone, 3 as other")
    plant.write("seeds/s.csv", "n,gone,other\n1,2,3\n")
    view = f"select %s::int as n, other from {{{{ ref('{table}') }}}}"
    plant.sql("v", view % "gone", materialized="view")
    plant.build()
    plant.query("grant select on v to reader")
    plant.query("create view theirs as select other from v")
    plant.sql("t", "select 1 as n, 'three' as more, 3 as other")
    plant.write("seeds/s.csv", "n,more,other\n1,three,3\n")

    said = plant.build("-s", table, *refresh, succeeds=False)
    assert f"select view {plant.schema}.v too (`--select {table}+`)" in said
    assert plant.query("select n from v") == [(2,)]

    plant.sql("v", "select 1 / 0", materialized="view", pre_hook="select 1 / 0")
    plant.build(*refresh, succeeds=False)
    with pytest.raises(
        psycopg2.DataError, match=r"v is being made anew; should it stay"
    ):
        plant.query("select * from theirs")

    plant.sql("v", view % "n", materialized="view")
    plant.build(*refresh)
    assert plant.query("select n, other from v") == [(1, 3)]
    assert plant.query("select * from theirs") == [(3,)]
    assert plant.grants("v") == ["reader SELECT"]


# --- views ----------------------------------------------------------------------


@REFRESH
def test_a_view_that_is_as_it_shall_be_is_not_touched(built, refresh):
    seen = "select xmin::text, oid::text from pg_class where oid = 'v'::regclass"
    before = built.query(seen)
    with session(built, "select * from v"):
        built.build("-s", "v", *refresh)
    assert built.query(seen) == before


def test_a_view_with_other_columns_is_made_anew_with_its_grants(built):
    built.sql("v", "select n, 1 as m, 2 as l from {{ ref('t') }}", materialized="view")
    built.build()
    built.query(
        "grant select on v to public; grant insert on v to analyst with grant option;"
        'grant update (l), update (m) on v to analyst; create role "Odd role";'
        'grant delete on v to "Odd role"'
    )
    built.sql("v", "select n::text, 2 as l from {{ ref('t') }}", materialized="view")
    built.query("create view theirs as select l from v")
    said = built.build(succeeds=False)
    assert f"drop or change view {built.schema}.theirs, and build again." in said
    assert built.query("select l from theirs") == [(2,)]
    built.query("drop view theirs")
    granted = built.grants("v")
    built.build()
    assert [name for name, *_ in built.columns("v")] == ["n", "l"]
    assert built.grants("v") == granted
    assert len(granted) == 4
    may = "select has_column_privilege('analyst', 'v', 'l', 'update')"
    assert built.query(may) == [(True,)]
    built.query('drop owned by "Odd role"; drop role "Odd role"')


def test_a_view_of_ours_stands_in_for_one_under_it(built):
    built.sql("w", "select count(*) as rows from {{ ref('v') }}", materialized="view")
    built.build()
    built.query("grant select on w to reader")
    built.sql("v", "select n::text from {{ ref('t') }}", materialized="view")
    built.build()
    assert built.query("select rows from w") == [(1,)]
    assert built.grants("w") == built.grants("v") == ["reader SELECT"]


def test_a_table_becomes_a_view_and_a_view_a_table_with_their_grants(built):
    built.sql("v", "select n from {{ ref('t') }}")
    built.sql("t", "select 1 as n", materialized="view")
    for _ in range(2):
        built.build("--full-refresh")
        assert built.grants("t") == built.grants("v") == ["reader SELECT"]
    kinds = "select relname, relkind::text from pg_class where relname in ('t', 'v')"
    in_schema = f" and relnamespace = '{built.schema}'::regnamespace order by 1"
    assert built.query(kinds + in_schema) == [("t", "v"), ("v", "r")]
    built.query("create view theirs as select n from v")
    built.sql("v", "select n from {{ ref('t') }}", materialized="view")
    assert "drop or change view" in built.build(succeeds=False)


# --- indexes and configured grants ----------------------------------------------


@REFRESH
@pytest.mark.parametrize("name", ["t", "s"])
def test_indexes_of_the_config_are_there_once(built, refresh, name):
    indexes = [
        {"columns": ["n"], "unique": True},
        {"columns": ["n desc", "(n + 1)"]},
        {"columns": ["n"], "type": "hash"},
    ]
    if name == "t":
        built.sql("t", "select 2 as n", indexes=indexes)
    else:
        node = {"name": "s", "config": {"indexes": indexes}}
        built.write("seeds/s.yml", {"seeds": [node]})
    for _ in range(3):
        built.build("--full-refresh")
        built.build(*refresh)
    found = built.query(
        f"select indisunique, substring(pg_get_indexdef(indexrelid) from 'USING .*')"
        f" from pg_index where indrelid = '{name}'::regclass order by indexrelid"
    )
    assert found == [
        (True, "USING btree (n)"),
        (False, "USING btree (n DESC, ((n + 1)))"),
        (False, "USING hash (n)"),
    ]


# --- nobody waits ---------------------------------------------------------------


def test_a_full_refresh_does_not_wait_for_transactions_under_way(built):
    reads = [f"select * from {name}" for name in "tvs"]
    built.sql("t", "select 2 as n")
    built.write("seeds/s.csv", "n\n2\n")
    with session(built, *reads) as opened, a_reader(built, "t") as waits:
        built.build("--full-refresh")
        with opened.cursor() as cursor:
            cursor.execute("select t.n, v.n, s.n from t, v, s")
            assert cursor.fetchall() == [(2, 2, 2)]
    assert max(waits) < WAIT


@pytest.mark.parametrize("name", ["t", "v", "s"])
def test_a_lock_that_is_held_is_named_and_others_get_through(built, name):
    if name == "t":
        built.sql("t", "select 2 as n, 3 as m")
    elif name == "v":
        built.sql("v", "select n, 3 as m from {{ ref('t') }}", materialized="view")
    else:
        built.write("seeds/s.csv", "n,m\n2,3\n")
    with session(built, f"select * from {name}") as opened:
        pid = opened.info.backend_pid
        with a_reader(built, name) as waits:
            began = time.monotonic()
            said = built.build("-s", name, succeeds=False)
            took = time.monotonic() - began
        assert re.search(
            rf"No lock on \S*{name} in 3 tries of 0.5 s: it is in use by pid {pid}"
            r" \(\w+, board, idle in transaction since 2\S+ \S+ \S+\)\. Build again"
            rf" later, or end it: select pg_terminate_backend\({pid}\)\.",
            said,
        )
        assert 0.5 * WAIT < max(waits) < 2 * WAIT
        assert took < 30
        assert built.query(f"select * from {name}") == [(1,)]
        threading.Timer(2, opened.rollback).start()
        built.build("-s", name, "--vars", "lock_wait: {seconds: 0.5, tries: 60}")
    assert len(built.columns(name)) == 2
    assert built.grants(name) == ["reader SELECT"]


def test_statements_after_it_wait_for_locks_as_long_as_before(built):
    seen = "create table {{ schema }}.seen as select current_setting('lock_timeout')"
    built.sql("t", "select 2 as n, 3 as m", post_hook=seen)
    built.build("-s", "t")
    assert built.query("select * from seen") == [("0",)]


def test_what_may_not_be_seen_is_said(built):
    said = _say_who_is_in_the_way(
        [(None, 7, "anna", "", None, None), ("t", 0, *[None] * 4)], 1, 2
    )
    assert said == (
        "No lock on a table or view in 2 tries of 1 s: it is in use by pid 7 (anna, no"
        " name, doing what we may not see), a prepared transaction (see"
        " pg_prepared_xacts). Build again later, or end it: select"
        " pg_terminate_backend(7)."
    )


# --- for other materializations -------------------------------------------------


def test_a_table_gets_the_columns_of_a_query(built):
    built.sql("v", "select 1 as n", materialized="view")
    built.build("-s", "v")
    match = (
        "create table {{ schema }}.outcome as select"
        " '{{ match_columns(ref('t'), query='%s') if execute }}' as said"
    )
    for said, select, rows in [
        ("", "select 1 as n", [(1,)]),
        ("altered", "select 1 as n, 2::numeric(5, 1) as x", [(1, None)]),
        ("emptied", "select now() as n, 1 as y", []),
    ]:
        ref_it = "-- depends_on: {{ ref('t') }}\nselect 1 as n"
        built.sql("w", ref_it, pre_hook=match % select)
        built.build("-s", "w")
        assert built.query("select said from outcome") == [(said,)]
        assert built.query("select * from t") == rows
        built.query("drop table outcome")
    kind = "timestamp with time zone"
    assert built.columns("t") == [("n", kind, False), ("y", "integer", False)]
