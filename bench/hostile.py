"""What messages that are all broken cost beside ordinary ones: up to the ledger.

`python -m bench.hostile 100000`: as many of the one kind and of the other, each built
from nothing on a throw-away server, one after the other.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import click
import psycopg2

from bench.throw_away import throw_away
from brickworks.local_database import Cluster

LIMIT = 3
MODELS = "+device_days"
ANOTHER_PLANT = ("--vars", "forget_missing_days: true")

# Sixty devices of three days, and of each message all that is told below by its number.
MESSAGES = """
    insert into raw.measurements
        (device_id, sensor_type, "timestamp", data, metadata, created_at)
    select
        {device_id}, {sensor_type}, {measured_at}, {data}, '{{}}', {created_at}
    from generate_series(1, {messages}) as number
    cross join lateral (
        select timestamptz '2026-03-02 06:00:00+07'
            + number * interval '3 days' / {messages}
    ) as moments (moment)
"""

ORDINARY = {
    "device_id": "format('BENCH-%s', lpad((number % 60)::text, 2, '0'))",
    "sensor_type": "(array['brick_counter', 'moisture', 'machine_monitoring'])"
    "[1 + number % 60 % 3]",
    "measured_at": "moment",
    "data": "jsonb_build_object('count', number, 'errCount', 0, 'moisture', 0.14,"
    " 'temperature', 25.5, 'rpm', 900, 'rssi', -45, 'battery', 85)",
    "created_at": "moment + interval '2 seconds'",
}


def one_of(column: str, every: int, *choices: str) -> str:
    """SQL: one of the choices by the number, and mostly the ordinary value."""
    cases = "".join(
        f" when {place} then {choice}" for place, choice in enumerate(choices)
    )
    return f"case number / 60 % {every}{cases} else {ORDINARY[column]} end"


HOSTILE = {
    "device_id": one_of(
        "device_id",
        9,
        "null",
        "E'\\u00a0\\t'",
        # As many spellings as blanks.
        f"E'\\u00a0' || {ORDINARY['device_id']} || chr(1 + number % 32)",
        f"repeat(md5((number % 60)::text), 200) || {ORDINARY['device_id']}",
        f"repeat(' ', 3000) || lower({ORDINARY['device_id']})",
    ),
    "sensor_type": one_of(
        "sensor_type",
        11,
        "null",
        f"E'\\u2003' || upper({ORDINARY['sensor_type']}) || E'\\n'",
        "repeat(md5((number % 60)::text), 200)",
    ),
    "measured_at": one_of(
        "measured_at",
        13,
        "null",
        "'infinity'",
        "'-infinity'",
        "'294276-12-31 23:59:59.999999+00'",
        "'4713-01-01 00:00:00+00 BC'",
    ),
    "data": one_of(
        "data",
        17,
        "'[1]'",
        """to_jsonb('{"count": 5'::text)""",
        """to_jsonb('{"count": "\\u0000"}'::text)""",
        "to_jsonb(repeat('{\"a\":', 20000))",
        """'{"count": 1e400, "moisture": 1e131071, "rpm": 1e-16383}'""",
        "jsonb_build_object('count', repeat('1', 5000), 'status', repeat('x', 5000),"
        " 'moisture', repeat('1', 5000), 'rpm', repeat(' ', 5000))",
        "jsonb_build_object('count', E'12\\u00a0', 'moisture', E'\\u00a00.14')",
        "jsonb_build_object('ts', '2026-06-31T24:00:60', 'deviceId', repeat('x', 5000),"
        " 'status', array[array[1]])",
        "jsonb_build_object('count', true, 'moisture', '{}'::jsonb, 'rpm', 'NaN')",
        f"to_jsonb(({ORDINARY['data']})::text)",
        "(select jsonb_object_agg(key, key) from generate_series(1, 200) as key)",
    ),
    "created_at": one_of(
        "created_at",
        7,
        "null",
        "'infinity'",
        "'294276-12-31 23:59:59.999999+00'",
    ),
}


def seconds(
    cluster: Cluster, options: list[str], kind: dict[str, str], messages: int
) -> float:
    """Fill the raw table and build from nothing; seconds of the models alone."""
    with closing(psycopg2.connect(**cluster.superuser_dsn())) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("truncate raw.measurements")
            cursor.execute(MESSAGES.format(messages=messages, **kind))
            cursor.execute("vacuum analyze raw.measurements")
    dbt = [str(Path(sys.executable).with_name("dbt")), "--quiet"]
    environment = os.environ | cluster.server.environment()

    def run(*arguments: str) -> None:
        subprocess.run([*dbt, *arguments, *options], env=environment, check=True)

    run("seed", *ANOTHER_PLANT)
    taken = []
    # With nothing to read it takes as long as dbt itself does.
    for more in (["--empty"], []):
        started = time.monotonic()
        run("run", "--select", MODELS, "--full-refresh", *ANOTHER_PLANT, *more)
        taken.append(time.monotonic() - started)
    return taken[1] - taken[0]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("messages", type=click.IntRange(min=1000), default=100_000)
def main(messages: int) -> None:
    """Build as many hostile MESSAGES as ordinary ones and print what that costs."""
    with throw_away() as (cluster, options):
        ordinary = seconds(cluster, options, ORDINARY, messages)
        hostile = seconds(cluster, options, HOSTILE, messages)
    click.echo(
        f"{messages:,} messages, seconds up to the ledger: ordinary {ordinary:.1f},"
        f" hostile {hostile:.1f}: {hostile / ordinary:.2f} times (at most {LIMIT})"
    )


if __name__ == "__main__":
    main()
