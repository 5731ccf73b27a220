"""What it costs to ask which device-days are due: 40 counters, a year, every model.

`python -m bench.staleness`: a day of a simulated factory is built on a throw-away
server, what is noted of it is repeated for 40 devices and 365 days, and then all models
that read bricks are asked. Those that read beside the day find other neighbours than
before, the others nothing: a run without news costs no more.
"""

from __future__ import annotations

import json
import os
from contextlib import closing
from typing import Any

import click
import psutil
import psycopg2
from dbt.cli.main import dbtRunner
from psycopg2.extras import execute_values

from bench.scenarios import ROOT
from bench.throw_away import throw_away
from brickworks import status
from brickworks.local_database import Cluster
from brickworks.simulator import FactoryConfig, simulate

LIMIT, MODELS, DEVICES, DAYS = 1, 20, 40, 365

# One row of each model, with what is another one every day.
REPEAT = """
    insert into {table}
    select repeated.*
    from (
        select distinct on ({key}) * from {table}
        where sensor_type = 'brick_counter' order by {key}, {last}
    ) as one
    cross join generate_series(1, %(devices)s) as device
    cross join generate_series(1, %(days)s) as day
    cross join lateral jsonb_populate_record(
        null::{table}, to_jsonb(one) || jsonb_build_object(
            'device_id', 'REPEATED-' || device,
            'production_date', date '2024-01-01' + day
        ) || {varied}
    ) as repeated
"""
BUILDS = "analytics_intermediate.device_day_builds"
TABLES = {
    "analytics.device_days": ("sensor_type", "device_id", "'{}'"),
    "analytics_intermediate.int_message_days": ("sensor_type", "device_id", "'{}'"),
    BUILDS: (
        "model",
        "tail_hash nulls last",
        "jsonb_strip_nulls(jsonb_build_object("
        + ", ".join(
            f"'{end}_{what}', {end}_{what} + day * {step}"
            for end in ("head", "tail")
            for what, step in {
                "hash": "device",
                "from": "interval '1 day'",
                "until": "interval '1 day'",
            }.items()
        )
        + "))",
    ),
}


def seconds(cluster: Cluster, options: list[str]) -> tuple[int, float]:
    """How many models were asked, and the CPU of the server meanwhile."""
    with closing(psycopg2.connect(**cluster.superuser_dsn())) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            execute_values(
                cursor,
                'insert into raw.measurements (device_id, sensor_type, "timestamp",'
                " data, metadata, created_at) values %s",
                simulate(FactoryConfig(days=1)),
                page_size=1000,
            )
            _dbt(options, "seed")
            _dbt(options, "run")
            size = {"devices": DEVICES, "days": DAYS}
            for table, (key, last, varied) in TABLES.items():
                query = REPEAT.format(table=table, key=key, last=last, varied=varied)
                cursor.execute(query, size)
                cursor.execute(f"vacuum analyze {table}")
            cursor.execute(
                f"select distinct model from {BUILDS} where device_id ~ '^R'"
            )
            models = {model for (model,) in cursor.fetchall()}
            query = _question(options, models)
            server = psutil.Process(connection.info.backend_pid)
            before = sum(server.cpu_times()[:2])
            cursor.execute(f"select count(*) from ({query}) as stale")
            return len(models), sum(server.cpu_times()[:2]) - before


def _question(options: list[str], models: set[str]) -> str:
    """The query of `brickworks status` for some models."""
    compiled = _dbt(options, "compile", "-s", *sorted(models)).result.results
    nodes = {result.node.name: result.node for result in compiled}
    told = json.dumps({"versions": status.versions(nodes, ROOT)})
    printed: list[str] = []

    def take(event: Any) -> None:  # noqa: ANN401
        if event.info.name == "PrintEvent":
            printed.append(event.info.msg)

    _dbt(options, "run-operation", "print_stale_days", "--args", told, watcher=take)
    return "\n".join(printed)


def _dbt(options: list[str], *arguments: str, watcher: Any = None) -> Any:  # noqa: ANN401
    runner = dbtRunner(callbacks=[watcher] if watcher else [])
    done = runner.invoke(["--quiet", *arguments, *options])
    if not done.success:
        raise click.ClickException(f"dbt {arguments[0]} failed: {done.exception}")
    return done


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Ask all models of bricks for the device-days that are due, and print the cost."""
    with throw_away() as (cluster, options):
        os.environ.update(cluster.server.environment())
        models, taken = seconds(cluster, options)
    click.echo(
        f"{models} models of {DEVICES * DAYS:,} device-days: {taken:.2f} s of the"
        f" server's CPU, for {MODELS} models {taken * MODELS / models:.2f} s"
        f" (at most {LIMIT})"
    )


if __name__ == "__main__":
    main()
