"""Python models on plain PostgreSQL: what the plugin promises.

The models are those of scratch projects, so that these tests hold whatever the real
models are.
"""

import json
import math
import re
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pandas as pd
import pytest
from dbt import compilation
from dbt.contracts.graph.nodes import InjectedCTE
from hypothesis import given, settings
from hypothesis import strategies as st
from scratch import Scratch

from dbt_local_python import copy_frames, inject_ctes
from dbt_local_python.code_version import code_version, imported_columns
from dbt_local_python.runtime import Relation, Session, explain_failure


@pytest.fixture
def scratch(tmp_path: Path, hostile: dict, request: pytest.FixtureRequest) -> Scratch:
    schema = f"s{abs(hash(request.node.name)) % 10**9}"
    return Scratch(tmp_path, hostile, schema)


# --- the plugin and its materializations ----------------------------------------


ONE = """
import pandas as pd
return pd.DataFrame({"n": [1, 2]})
"""


def test_the_plugin_is_active_and_the_swap_is_atomic(scratch):
    scratch.model("m", ONE, {"n": "bigint"}, materialized="table")
    scratch.dbt("run")
    scratch.dbt("run")
    assert scratch.query("select n from m order by n") == [(1,), (2,)]
    tables = scratch.query(
        "select relname from pg_class"
        f" where relnamespace = '{scratch.schema}'::regnamespace"
    )
    assert tables == [("m",)]
    assert compilation.inject_ctes_into_sql is inject_ctes.inject_ctes_into_sql


def test_a_table_that_stands_gets_the_rows_that_differ(scratch):
    """In place, so that a view on it stays; with another column it is made anew."""
    config = {"materialized": "table"}

    def build(columns: str, types: dict[str, str]) -> dict:
        code = f"\nimport pandas as pd\nreturn pd.DataFrame({columns})\n"
        scratch.model("m", code, types, **config)
        scratch.dbt("run")
        rows = scratch.query("select row(m.*)::text, ctid::text, xmin::text from m")
        return {row: place for row, *place in rows}

    first = build('{"n": [1.0, 2.0, None]}', {"n": "numeric"})
    scratch.query("create view v as select count(*) as rows from m")
    second = build('{"n": [None, 2.0, 3.0]}', {"n": "numeric"})
    assert set(second) == {"(2.0)", "()", "(3.0)"}
    assert {row for row in first if second.get(row) == first[row]} == {"(2.0)", "()"}
    assert scratch.query("select rows from v") == [(3,)]
    for twice in ("[2.0, 2.0]", "[2.0, 2.0, 2.0]", "[2.0]"):
        build(f'{{"n": {twice}}}', {"n": "numeric"})
        assert scratch.query("select rows from v") == [(twice.count("2.0"),)]
    third = build('{"n": [2.0], "t": ["x"]}', {"n": "numeric", "t": "text"})
    assert set(third) == {"(2.0,x)"}


def test_a_failing_model_keeps_the_old_table_and_names_the_line(scratch):
    scratch.model("m", ONE, {"n": "bigint"}, materialized="table")
    scratch.dbt("run")
    scratch.write(
        "models/m.py",
        "\n\n# Two empty lines come first: dbt strips them.\n"
        "def model(dbt, session):\n"
        "    return broken()\n\n\n"
        "def broken():\n"
        '    raise ValueError("the kiln is cold")\n',
    )
    run = scratch.dbt_process()
    assert run.returncode == 1
    printed = run.stdout
    assert "models/m.py, line 9: ValueError: the kiln is cold" in printed
    assert "models/m.py, line 5, in model: return broken()" in printed
    assert scratch.query("select n from m order by n") == [(1,), (2,)]


def test_a_failing_generator_keeps_the_old_rows_and_names_the_line(scratch):
    columns, config = {"n": "bigint"}, {"materialized": "table"}
    scratch.model("m", ONE, columns, **config)
    scratch.dbt("run")
    code = """
import pandas as pd
def frames():
    yield pd.DataFrame({"n": [3]})
    raise KeyError("after the first frame")
return frames()
"""
    scratch.model("m", code, columns, **config)
    printed = scratch.dbt("run", succeeds=False)
    assert "models/m.py, line 5: KeyError: 'after the first frame'" in printed
    assert scratch.query("select n from m order by n") == [(1,), (2,)]


def test_a_broken_query_fails_its_own_model_only(scratch):
    broken = """
up = dbt.ref("up")
return up.df(where="no_such_column > 1")
"""
    scratch.write("models/up.sql", "select 1 as n")
    scratch.model("a", broken, {"n": "integer"}, materialized="table")
    scratch.model("b", ONE, {"n": "bigint"}, materialized="table")
    said = scratch.dbt("run", succeeds=False)
    assert "models/a.py, line 3: UndefinedColumn" in said
    assert scratch.query("select n from b order by n") == [(1,), (2,)]


@pytest.mark.parametrize(
    "sql",
    [
        "select 1",
        "with a as (select 1) select * from a",
        "\n-- with a word\n/* with\n another */ WITH a as (select 1) select * from a",
        "with recursive a as (select 1) select * from a",
        "with recursives as (select 1) select * from recursives",
        "select * from (with a as (select 1) select * from a) as b",
        "-- One row.\nselect withal from a",
    ],
)
def test_ctes_are_injected_where_dbt_injects_them(sql):
    """dbt's own function, from a process without the plugin, is the oracle."""
    program = (
        "import sys;"
        "from dbt.compilation import InjectedCTE, inject_ctes_into_sql as f;"
        "ctes = [InjectedCTE(n, f' {n} as (select 2)') for n in 'xy'];"
        "sys.stdout.write(f(sys.argv[1], ctes))"
    )
    own = subprocess.run(
        [sys.executable, "-c", program, sql], check=True, capture_output=True, text=True
    ).stdout
    ctes = [InjectedCTE(name, f" {name} as (select 2)") for name in "xy"]
    ours = inject_ctes.inject_ctes_into_sql(sql, ctes)
    assert _words(ours) == _words(own)


def _words(sql):
    """Without comments, before or after which dbt may put the word `with`."""
    return re.sub(r"--[^\n]*|/\*.*?\*/|[\s,]+", " ", sql, flags=re.DOTALL).split()


def test_indexes_grants_and_hooks_work(scratch):
    scratch.query(
        "do $$ begin create role reader; exception when duplicate_object then end $$"
    )
    scratch.model(
        "m",
        ONE,
        {"n": "bigint"},
        materialized="table",
        indexes=[{"columns": ["n"], "unique": True}],
        grants={"select": ["reader"]},
        pre_hook="create temporary table seen as select txid_current() as id",
        post_hook=[
            "insert into {{ this }} select 3 from seen where id = txid_current()"
        ],
    )
    scratch.dbt("run")
    assert scratch.query("select count(*) from m") == [(3,)], "one transaction"
    in_schema = f"schemaname = '{scratch.schema}'"
    [(index,)] = scratch.query(f"select indexdef from pg_indexes where {in_schema}")
    assert "UNIQUE INDEX" in index
    readable = f"select has_table_privilege('reader', '{scratch.schema}.m', 'select')"
    assert scratch.query(readable) == [(True,)]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"n": "bigint", "gone": "text"}, "missing: gone"),
        ({"m": "bigint"}, "missing: m; not declared: n"),
        ({"n": "text"}, 'Column "n": 1 is int, not text'),
        ({"n": None}, "Without one: n"),
        ({}, "has to declare its columns"),
    ],
)
def test_a_frame_that_is_not_what_the_yaml_says_is_an_error(scratch, columns, message):
    scratch.model("m", ONE, columns, materialized="table")
    assert message in scratch.dbt("run", succeeds=False)


def test_the_types_of_the_table_are_those_of_the_yaml(scratch):
    columns = {
        "flag": "boolean",
        "small": "smallint",
        "price": "numeric(10,2)",
        "short": "varchar(7)",
        "id": "uuid",
        "data": "jsonb",
        "at": "timestamptz",
        "Odd \"name'": "double precision",
    }
    code = f"import pandas as pd\nreturn pd.DataFrame(columns={list(columns)!r})"
    scratch.model("m", code, columns, materialized="table")
    scratch.dbt("run")
    found = scratch.query(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = 'm'::regclass and attnum > 0 order by attnum"
    )
    full = {
        "varchar(7)": "character varying(7)",
        "timestamptz": "timestamp with time zone",
    }
    assert found == [(name, full.get(kind, kind)) for name, kind in columns.items()]


def test_a_generator_model_reads_and_writes_in_turns(scratch):
    scratch.write("models/up.sql", "select i % 3 as g, i from generate_series(1, 9) i")
    code = """
up = dbt.ref("up")
minimum = dbt.config.get("minimum")
def frames():
    for group in up.groups("g", order_by="i"):
        count = session.query(f"select count(*) as n from {up}").df()["n"].iloc[0]
        yield group.assign(n=count, where=str(dbt.this))[group["i"] >= minimum]
return frames()
"""
    columns = {"g": "integer", "i": "integer", "n": "bigint", "where": "text"}
    scratch.model("m", code, columns, materialized="table", minimum=4)
    scratch.dbt("run")
    database = scratch.dsn["dbname"]
    this = f'"{database}"."{scratch.schema}"."m"'
    found = scratch.query('select g, i, n, "where" from m order by i')
    assert found == [(i % 3, i, 9, this) for i in range(4, 10)]


def test_every_statement_of_a_model_carries_the_query_comment(scratch):
    project = {"name": "scratch", "version": "1.0", "profile": "scratch"}
    comment = "run {{ invocation_id }} {{ node.unique_id if node }}"
    scratch.write("dbt_project.yml", project | {"query-comment": comment})
    code = """
said = "select query as said from pg_stat_activity where pid = pg_backend_pid()"
copied = session.query(said).df()
with session.connection.cursor() as cursor:
    cursor.execute("select pg_stat_clear_snapshot()")
    cursor.execute(said)
    copied.loc[1] = cursor.fetchone()
return copied
"""
    scratch.model("m", code, {"said": "text"}, materialized="table")
    scratch.dbt("run")
    (copied,), (selected,) = scratch.query("select said from m")
    opening = r"/\* run [-0-9a-f]{36} model\.scratch\.m \*/\n"
    assert re.match(rf"{opening}copy \(select ", copied)
    assert re.match(rf"{opening}select query ", selected)


def test_empty_reads_no_rows_and_makes_the_table(scratch):
    scratch.write("models/up.sql", "select 1 as i")
    code = """
up = dbt.ref("up")
assert up.df().empty and list(up.groups("i")) == []
return up.groups("i")
"""
    scratch.model("m", code, {"i": "integer"}, materialized="table")
    scratch.dbt("run", "--empty")
    assert scratch.query("select * from m") == []


# --- the version of a model's code ------------------------------------------------


def version(code: str, root: Path = Path("/nowhere"), **node: object) -> str:
    model = {"language": "sql", "config": {}, "columns": {}} | node
    return code_version(model, code, root)


def test_comments_and_white_space_are_no_new_code():
    tidy = "select 1 as n -- one\nfrom t"
    assert version(tidy) == version("select 1 as n /* none */\n\n  from t")
    assert version("select '--  1'") != version("select '-- 1'")


def test_of_what_is_imported_the_names_count_and_not_how_it_is_read():
    imported = "select * from (/*[ reads a day ]*/ {} /*[ days b ]*/ {} /*[ end ]*/"
    imported += " more /*[ end ]*/) as a"
    assert version(imported.format("x", "y")) == version(imported.format("z", ""))
    assert version(imported.replace("reads a", "reads b")) != version(imported)
    assert imported_columns("/*[ days b a ]*/ x /*[ end ]*/") == ["a", "b"]


def test_what_is_read_beside_a_day_and_the_columns_are_code():
    known = {
        version("select 1"),
        version("select 1", config={"beside": {"a": "both"}}),
        version("select 1", config={"border": {"at": "event_at"}}),
        version("select 1", columns={"n": {"name": "n", "data_type": "bigint"}}),
    }
    assert len(known) == 4


def test_a_python_model_has_the_modules_of_the_project_that_it_imports():
    """Be it through others; those of libraries are not its own."""
    detectors = "import pandas\nfrom brickworks.detectors import detect"
    root = Path(__file__).parents[2]
    own = {version(code, root, language="python") for code in (detectors, "import os")}
    assert version(detectors, language="python") not in own
    assert version("import os", language="python") in own


# --- values ---------------------------------------------------------------------


TEXT = st.text(
    alphabet=st.one_of(
        st.sampled_from(list("\"'\\\n\r\t,;.N x")),
        st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"),
    ),
    max_size=8,
) | st.sampled_from(
    ["", "\\N", "\\.", "NULL", "NaN", "nan", "NA", "None", "\n", "é", "漢"]
)
NAIVE = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31))
COLUMNS = {
    "boolean": st.booleans(),
    "smallint": st.integers(-(2**15), 2**15 - 1),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "double precision": st.floats(allow_nan=False),
    "numeric": st.decimals(allow_nan=False, allow_infinity=False, places=6),
    "text": TEXT,
    "date": st.dates(),
    "timestamptz": st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(
        lambda naive: naive.replace(tzinfo=UTC)
    ),
    "timestamp": NAIVE,
    "uuid": st.uuids(),
    "jsonb": st.dictionaries(st.text("ab\"'\\", max_size=3), st.integers(0, 9)),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_values_and_nulls_round_trip(connection, kind):
    """Written, compared by PostgreSQL's own parser, read, written and read again."""
    with connection.cursor() as cursor:
        cursor.execute(f'create temporary table t ("v" {kind})')
    types = copy_frames.column_types(connection, "select * from t")
    relation = Relation(connection, "t", False)

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.none() | COLUMNS[kind], max_size=6))
    def holds(values):
        with connection.cursor() as cursor:
            cursor.execute("truncate t")
            frame = pd.DataFrame({"v": pd.Series(values, dtype=object)})
            copy_frames.write(connection, "t", frame, types)
            cursor.execute("set timezone = 'UTC'; select v from t")
            stored = [value for (value,) in cursor.fetchall()]
            cursor.execute("set timezone = 'Asia/Ho_Chi_Minh'")
            if kind == "uuid":
                stored = [value and UUID(value) for value in stored]
            assert stored == values
            first = relation.df()
            assert [_plain(value, kind) for value in first["v"]] == values
            cursor.execute("truncate t")
            copy_frames.write(connection, "t", first, types)
            pd.testing.assert_frame_equal(relation.df(), first)

    holds()


def _plain(value, kind):
    """Turn what a frame holds back into what Python had."""
    if kind == "jsonb":
        return None if value != value or value is None else json.loads(value)
    if pd.isna(value):
        return None
    if kind == "uuid":
        return UUID(value)
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value


def test_nan_is_null_and_typed_frames_are_written_exactly(connection):
    at = pd.Series(pd.to_datetime(["2025-11-17T06:00:00.123456+07:00", None]))
    frame = pd.DataFrame(
        {
            "at": at,
            "d": pd.to_datetime(pd.Series(["2025-11-17", None])),
            "i": [3.0, math.nan],
            "f": [0.1, math.nan],
            "n": [Decimal("1.10"), Decimal("NaN")],
            "s": pd.Series(["x", None], dtype="str"),
        }
    )
    kinds = "at timestamptz, d date, i int, f float8, n numeric, s text"
    with connection.cursor() as cursor:
        cursor.execute(f"create temporary table t ({kinds})")
        types = copy_frames.column_types(connection, "select * from t")
        copy_frames.write(connection, "t", frame, types)
        cursor.execute("select * from t")
        first, second = cursor.fetchall()
    exact = datetime(2025, 11, 16, 23, 0, 0, 123456, tzinfo=UTC)
    assert first == (exact, date(2025, 11, 17), 3, 0.1, Decimal("1.10"), "x")
    assert second == (None,) * 6


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("boolean", 1),
        ("integer", 1.5),
        ("integer", "1"),
        ("integer", True),
        ("integer", math.inf),
        ("text", 1),
        ("date", datetime(2025, 1, 1, 6)),
        ("date", "2025-01-01"),
        ("timestamptz", datetime(2025, 1, 1)),
        ("timestamp", datetime(2025, 1, 1, tzinfo=UTC)),
        ("double precision", "1.5"),
        ("jsonb", {"x": math.nan}),
    ],
)
def test_a_value_of_another_type_is_an_error(connection, kind, value):
    with connection.cursor() as cursor:
        cursor.execute(f"create temporary table t (v {kind})")
    types = copy_frames.column_types(connection, "select * from t")
    frame = pd.DataFrame({"v": pd.Series([value], dtype=object)})
    with pytest.raises(TypeError, match='Column "v"'):
        copy_frames.write(connection, "t", frame, types)


def test_hostile_names_are_names(connection):
    name = "a\"b'; drop table t; -- %s"
    with connection.cursor() as cursor:
        cursor.execute(f"create temporary table t ({copy_frames.quote(name)} text)")
    types = copy_frames.column_types(connection, "select * from t")
    copy_frames.write(connection, "t", pd.DataFrame({name: ["x"]}), types)
    relation = Relation(connection, "t", False)
    assert relation.df(columns=[name])[name].tolist() == ["x"]
    assert [len(group) for group in relation.groups(name)] == [1]


def test_groups_are_whole_ordered_and_bounded(connection, monkeypatch):
    monkeypatch.setattr(copy_frames, "CHUNK_ROWS", 10)
    with connection.cursor() as cursor:
        cursor.execute(
            "create temporary table t as select nullif(i % 7, 0) as g, i % 2 as h,"
            " i as n from generate_series(1, 200) i order by md5(i::text)"
        )
    seen, keys_seen, read_ahead = [], [], []
    parse = copy_frames._parse
    monkeypatch.setattr(
        copy_frames,
        "_parse",
        lambda *a: (read_ahead.append(len(c)) or c for c in parse(*a)),
    )
    for group in Relation(connection, "t", False).groups(["g", "h"], "n"):
        keys = group[["g", "h"]].drop_duplicates()
        assert len(keys) == 1
        assert group["n"].is_monotonic_increasing
        seen += group["n"].tolist()
        assert sum(read_ahead) - len(seen) <= 10, "never more than a chunk ahead"
        keys_seen += [tuple(key) for key in keys.fillna(-1).to_numpy()]
    assert len(keys_seen) == len(set(keys_seen)) == 14, "each group once, whole"
    assert sorted(seen) == list(range(1, 201))
    assert max(read_ahead) == 10


def test_a_relation_reads_only_what_is_asked_for(connection):
    with connection.cursor() as cursor:
        cursor.execute("create temporary table t as select 1 as a, 2 as b, 'x' as c")
    relation = Relation(connection, "t", False)
    assert list(relation.df(columns=["b", "a"])) == ["b", "a"]
    assert relation.df(where="source.a > 1").empty
    [group] = relation.groups("c", columns=["a"])
    assert list(group) == ["c", "a"]
    assert Session(connection, True).query("select 1 as x").df().empty


def test_an_error_outside_the_model_still_names_the_model():
    node = {"original_file_path": "models/m.py"}
    message = explain_failure(TypeError("no"), Path("/x/models/m.py"), node)
    assert message == "models/m.py: TypeError: no"


def test_times_before_the_epoch_keep_their_microseconds(connection):
    start = datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    with connection.cursor() as cursor:
        cursor.execute("create temporary table t as select %s as at", (start,))
    [found] = Relation(connection, "t", False).df()["at"]
    assert found.to_pydatetime() - start == timedelta(0)


# Unit tests


UNIT_TESTED = """
unit_tests:
  - name: the_file_says_one
    model: m
    given: [{input: ref('up'), rows: [{given: 0}]}]
    expect: {rows: [{given: 0, in_model: 1, in_macro: 1}]}
  - name: the_test_says_two
    model: m
    overrides: {vars: {n: 2}}
    given: [{input: ref('up'), rows: [{given: 0}]}]
    expect: {rows: [{given: 0, in_model: 2, in_macro: 2}]}
"""


@pytest.fixture
def unit_tested(scratch):
    """A project whose vars say five and its file of test vars one."""
    scratch.write("dbt_project.yml", {
        "name": "scratch", "version": "1.0", "profile": "scratch", "vars": {"n": 5}
    })  # fmt: skip
    scratch.write("unit_test_vars.yml", {"n": 1})
    scratch.write("macros/n.sql", "{% macro n() %}{{ var('n') }}{% endmacro %}")
    scratch.write("models/up.sql", "select {{ n() }} as given")
    scratch.write(
        "models/m.sql",
        "select given, {{ var('n') }} as in_model, {{ n() }} as in_macro"
        " from {{ ref('up') }}",
    )
    scratch.write("models/tests.yml", UNIT_TESTED)
    scratch.dbt("run")
    return scratch


@pytest.mark.parametrize("arguments", [(), ("--vars", "n: 7")])
def test_unit_tests_have_vars_of_their_own(unit_tested, arguments):
    """In the model and its macros; models keep those of the run."""
    unit_tested.dbt("build", *arguments)
    n = 7 if arguments else 5
    assert unit_tested.query("select * from m") == [(n, n, n)]


def test_without_that_file_unit_tests_have_the_vars_of_the_run(unit_tested):
    (unit_tested.folder / "unit_test_vars.yml").unlink()
    unit_tested.dbt("test", "-s", "the_test_says_two")
    unit_tested.dbt("test", "-s", "the_file_says_one", "--vars", "n: 1")
    unit_tested.dbt("test", "-s", "the_file_says_one", succeeds=False)
