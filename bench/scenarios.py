"""What is measured, in which order, on one throw-away server per size."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import psycopg2
import psycopg2.extensions

from bench import plans
from bench.factory import arrive, factory, hold_back, write_seeds
from bench.meter import Cost, Meter
from brickworks.local_database import Cluster, temporary_cluster

ROOT = Path(__file__).parents[1]
PARTS = (
    *("dbt_project.yml", "selectors.yml"),
    *("models", "macros", "seeds", "tests", "analyses"),
)
FACTS = ("stg_*", "int_*", "device_days", "--exclude", "*_judged")
BRICKS = "+int_brick_production_periods"  # All that the peers compute, and no more.
NO_UNIT_TESTS = ("--exclude-resource-type", "unit_test")
ARRIVALS = ("--vars", "{reconcile: arrivals, test_days: 3}")
HOURLY = ("--selector", "hourly", *ARRIVALS)

# Vacuuming and analysing is done between scenarios, outside of what is measured, and
# not whenever it pleases the server.
SERVER_SETTINGS = {
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "autovacuum": "off",
}


@dataclass(frozen=True)
class Result:
    """One scenario's cost.

    Attributes:
        name: What was done.
        rows: Messages it was done to.
        cost: What it took.
        notes: What else is to be known.
    """

    name: str
    rows: int
    cost: Cost
    notes: str = ""

    @property
    def rows_per_second(self) -> float:
        """Messages per second of the wall clock."""
        return self.rows / self.cost.wall_seconds

    @property
    def rows_per_cpu_second(self) -> float:
        """Messages per second of CPU, client and server."""
        return self.rows / max(self.cost.cpu_seconds, 1e-9)


class Agreement(NamedTuple):
    """A peer's bricks beside those of the build.

    Attributes:
        compared: Periods, or counter events of a device.
        differing: Those of them that differ.
        largest: The largest difference, bricks.
        bricks: Bricks of the build, in all.
        of_the_peer: Bricks of the peer, in all.
    """

    compared: int
    differing: int
    largest: int
    bricks: int
    of_the_peer: int


@dataclass
class Size:
    """Everything measured at one number of messages.

    Attributes:
        messages: Messages in the raw table when the build began.
        devices: Brick counters.
        results: Key of a scenario → its cost.
        agreement: Peer → what is compared → how far it agrees.
        explained: Scenario → its heaviest statements, as markdown.
        models: Scenario → model → seconds.
    """

    messages: int
    devices: int
    results: dict[str, Result] = field(default_factory=dict)
    agreement: dict[str, dict[str, Agreement]] = field(default_factory=dict)
    explained: dict[str, str] = field(default_factory=dict)
    models: dict[str, dict[str, float]] = field(default_factory=dict)

    def cost(self, *keys: str) -> Cost:
        """The cost of scenarios together."""
        first, *others = (self.results[key].cost for key in keys)
        for other in others:
            first += other
        return first


def measure(
    messages: int,
    devices: int,
    folder: Path,
    subset: int,
    say: Callable[[str], None],
    quick: bool = False,
    tests: bool = True,
) -> Size:
    """Measure every scenario at one size.

    Args:
        messages: About how many messages.
        devices: Brick counters, a multiple of 8.
        folder: Where the server and a copy of the project live meanwhile.
        subset: How many messages the row-by-row way gets, whole devices.
        say: Told what comes next.
        quick: Only what shows that all of this still works: one build, the peers, one
            more hour.
        tests: Whether the tests of the whole history are measured too.
    """
    with temporary_cluster(folder / ".local", settings=SERVER_SETTINGS) as cluster:
        bench = _Bench(cluster, folder, messages, devices, say)
        bench.load()
        if not quick:
            bench.parse()
        bench.build()
        bench.peers(subset)
        if quick:
            bench.one_more_hour()
        else:
            if tests:
                bench.test()
            bench.changes(tests)
            bench.explain()
        return bench.size


class _Bench:
    """One size, step by step."""

    def __init__(
        self,
        cluster: Cluster,
        folder: Path,
        messages: int,
        devices: int,
        say: Callable[[str], None],
    ) -> None:
        self.cluster, self.folder, self.say = cluster, folder, say
        self.wanted, self.devices = messages, devices
        self.config = factory(messages, devices)
        self.meter = Meter(cluster, cluster.server.environment())
        self.size = Size(messages, len(self.registered()))
        self.project = folder / "project"
        self.project.mkdir()
        for part in PARTS:
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, self.project / part)
            elif (ROOT / part).exists():
                shutil.copy(ROOT / part, self.project / part)
        shutil.copy(ROOT / "profiles.example.yml", self.project / "profiles.yml")
        write_seeds(self.project / "seeds", self.config)

    def registered(self) -> list[str]:
        """The devices, in the registry's order."""
        from brickworks.simulator import registry

        return [str(row["device_id"]) for row in registry(self.config)]

    def load(self) -> None:
        """Simulate into the database, and take away what comes later."""
        superuser = {
            "BRICKWORKS_DB_USER": self.cluster.superuser_dsn()["user"],
            "BRICKWORKS_DB_PASSWORD": self.cluster.superuser_dsn()["password"],
        }
        cost, told = self._python(
            "bench.factory", str(self.wanted), str(self.devices), variables=superuser
        )
        self._keep(
            "simulate", "Simulator into the database, by COPY", told["rows"], cost
        )
        with self._superuser() as connection:
            self.held = hold_back(connection, self.config, sets=3)
        self._settle()
        self.size.messages = self._count()

    def parse(self) -> None:
        """What dbt needs to know its project, before it does anything."""
        cost = self._dbt("parse", "--no-partial-parse")
        self._keep("parse", "dbt parse, from nothing", 0, cost)
        cost = self._dbt("parse")
        self._keep("reparse", "dbt parse, again", 0, cost)

    def build(self) -> None:
        """The bricks alone, and then everything: each from nothing."""
        self._dbt("seed")
        cost = self._dbt("run", "--select", BRICKS)
        self._keep("bricks", "Full build: bricks alone", self.size.messages, cost)
        self._drop_what_is_built()
        self._dbt("seed")
        cost = self._dbt("run")
        self._keep("build", "Full build: models", self.size.messages, cost)
        self._note_models("build")
        self._settle()

    def _drop_what_is_built(self) -> None:
        with self._superuser() as connection, connection.cursor() as cursor:
            cursor.execute(
                "select string_agg(format('drop schema %%I cascade', nspname), ';')"
                " from pg_namespace where nspowner = %s::regrole",
                (self.cluster.server.user,),
            )
            (statements,) = cursor.fetchone()
            cursor.execute(statements)
            connection.commit()

    def test(self) -> None:
        """The data tests, apart: they look at whole tables."""
        cost = self._dbt("test", *NO_UNIT_TESTS)
        self._keep("test", "Full build: data tests", self.size.messages, cost)

    def one_more_hour(self) -> None:
        """The shortest change there is, and its statements."""
        rows = self._arrive("hour_1")
        with plans.explained(self.cluster) as statements:
            self._change("hour_arrivals", "One more hour, arrivals", rows, ARRIVALS)
        self.size.explained["One more hour, arrivals"] = plans.as_markdown(statements)

    def changes(self, tests: bool) -> None:
        """Nothing new, an hour more, and late old days: both ways to find them."""
        total = self.size.messages
        for way, options in {"full": (), "arrivals": ARRIVALS}.items():
            number = 1 if way == "full" else 2
            # With other vars dbt parses the project anew: once, not measured.
            self._dbt("parse", *options)
            # Beside each other: a busy machine has no seconds of a fixed length.
            cost = self._dbt("parse", *options)
            self._keep(f"parse_{way}", "dbt parse, beside it", 0, cost)
            self._change(f"noop_{way}", f"Nothing new, {way}: models", 0, options)
            if way == "full" and tests:
                self._keep(
                    "noop_full_test",
                    "Nothing new, full: `dbt build`, tests included",
                    total,
                    self._dbt("build", *NO_UNIT_TESTS),
                )
            if way == "arrivals":
                self._keep(
                    "noop_hourly",
                    "Nothing new, arrivals: `dbt build --selector hourly`",
                    0,
                    self._dbt("build", *HOURLY),
                )
            rows = self._arrive(f"hour_{number}")
            self._change(f"hour_{way}", f"One more hour, {way}: models", rows, options)
            rows = self._arrive(f"days_{number}")
            self._change(
                f"days_{way}", f"Ten late old days, {way}: models", rows, options
            )
        rows = self._arrive("hour_3")
        self._keep(
            "hour_facts",
            "One more hour, arrivals: facts alone",
            rows,
            self._dbt("run", "--select", *FACTS, *ARRIVALS),
        )
        self._keep(
            "hour_marts",
            "One more hour, arrivals: then the marts",
            rows,
            self._dbt("run", *ARRIVALS),
        )

    def explain(self) -> None:
        """The heaviest statements, on runs that are not measured."""
        for way, options in {"full": (), "arrivals": ARRIVALS}.items():
            with plans.explained(self.cluster) as statements:
                self._dbt("run", *options)
            self.size.explained[f"Nothing new, {way}"] = plans.as_markdown(statements)
        self._arrive("hour_4")
        with plans.explained(self.cluster) as statements:
            self._dbt("run", *ARRIVALS)
        self.size.explained["One more hour, arrivals"] = plans.as_markdown(statements)

    def peers(self, subset: int) -> None:
        """The other ways, on the same rows, and whether they count the same bricks."""
        per_device = max(1, self.size.messages // len(self.registered()))
        devices = self.registered()[: max(1, subset // per_device)]
        for key, name, arguments in (
            ("row_by_row", "Row by row, pydantic", {"devices": devices}),
            ("pandas", "pandas", {}),
            ("duckdb", "DuckDB", {}),
        ):
            module = f"bench.peers.{key if key == 'row_by_row' else f'{key}_way'}"
            cost, told = self._python(module, json.dumps(arguments))
            notes = ""
            if key == "row_by_row":
                notes = f"{len(devices)} of {len(self.registered())} devices"
            if "feed_seconds" in told:
                notes = f"{told['feed_seconds']} s of them to get the rows out"
            self._keep(key, name, told["rows"], cost, notes)
            self.size.agreement[key] = {"events": self._compare_events(f"bench_{key}")}
            for period, mart in {
                "hours": "brick_production_stats_hourly",
                "shifts": "brick_production_stats",
                "days": "brick_production_stats_daily",
            }.items():
                self.size.agreement[key][period] = self._compare(
                    f"select device_id, start_time as key, count_increment as bricks"
                    f" from analytics.{mart}",
                    f"select device_id, to_timestamp(start_ms / 1000) as key, bricks"
                    f" from bench_{key}.{period}",
                )

    def _compare_events(self, schema: str) -> Agreement:
        """Readings and bricks of each counter event, in one key: both have to agree."""
        return self._compare(
            "select device_id, concat(counter_event, count(*)) as key,"
            " sum(count_increment) as bricks"
            " from analytics_intermediate.int_brick_increments"
            " group by device_id, counter_event",
            "select device_id, concat(counter_event, readings) as key, bricks"
            f" from {schema}.events",
        )

    def _compare(self, ours: str, theirs: str) -> Agreement:
        query = f"""
            with theirs as ({theirs}),
            ours as (
                select * from ({ours}) as ours
                where device_id in (select device_id from theirs)
            )
            select count(*),
                count(*) filter (where difference <> 0 or is_unknown),
                coalesce(max(difference), 0)::bigint,
                coalesce(sum(ours), 0)::bigint,
                coalesce(sum(theirs), 0)::bigint
            from (
                select ours.bricks as ours, theirs.bricks as theirs,
                    abs(coalesce(ours.bricks, 0) - coalesce(theirs.bricks, 0))
                        as difference,
                    -- A period without bricks may be missing, an event may not.
                    pg_typeof(key)::text = 'text'
                        and (ours.device_id is null or theirs.device_id is null)
                        as is_unknown
                from ours full join theirs using (device_id, key)
            ) as side_by_side
        """
        with self._superuser() as connection, connection.cursor() as cursor:
            cursor.execute(query)
            row = cursor.fetchone()
        assert row
        return Agreement(*row)

    def _change(self, key: str, name: str, rows: int, options: tuple[str, ...]) -> None:
        self._keep(key, name, rows, self._dbt("run", *options))
        self._note_models(key)
        self._settle()

    def _arrive(self, table: str) -> int:
        with self._superuser() as connection:
            rows = arrive(connection, table)
        self._settle("raw.measurements")
        return rows

    def _keep(
        self, key: str, name: str, rows: int, cost: Cost, notes: str = ""
    ) -> None:
        self.size.results[key] = Result(name, rows, cost, notes)
        self.say(
            f"{name}: {cost.wall_seconds:.1f} s, CPU {cost.client_seconds:.1f} +"
            f" {cost.server_seconds:.1f} s"
        )

    def _note_models(self, key: str) -> None:
        found = json.loads((self.project / "target" / "run_results.json").read_text())
        self.size.models[key] = {
            result["unique_id"].split(".")[2]: round(result["execution_time"], 2)
            for result in found["results"]
        }

    def _dbt(self, *arguments: str) -> Cost:
        program = Path(sys.executable).with_name("dbt")
        command, *rest = arguments
        cost, _ = self.meter.run(
            [str(program), "--quiet", command, *rest], self.project
        )
        return cost

    def _python(
        self, module: str, *arguments: str, variables: dict[str, str] | None = None
    ) -> tuple[Cost, Any]:
        return self.meter.run(
            [sys.executable, "-m", module, *arguments],
            self.folder,
            {"PYTHONPATH": str(ROOT)} | (variables or {}),
        )

    def _superuser(self) -> closing[psycopg2.extensions.connection]:
        return closing(psycopg2.connect(**self.cluster.superuser_dsn()))

    def _settle(self, table: str = "") -> None:
        """What autovacuum does on a plant's server, now and unmeasured."""
        with self._superuser() as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(f"vacuum (analyze) {table}")
                cursor.execute("checkpoint")

    def _count(self) -> int:
        with self._superuser() as connection, connection.cursor() as cursor:
            cursor.execute("select count(*) from raw.measurements")
            row = cursor.fetchone()
        assert row
        return int(row[0])
