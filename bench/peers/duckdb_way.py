"""DuckDB: all of it as SQL in a column store beside the database.

Its `postgres` extension would have to be downloaded, so that the messages come by COPY
into a CSV file, which is part of what is measured. DuckDB takes the threads there are.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import duckdb
import psycopg2.extensions

from bench.peers.common import (
    CAP_UNIT,
    DAY_MS,
    FIRST_YEAR_MS,
    HOUR_MS,
    RAW_COLUMNS,
    RAW_ROWS,
    Rules,
    read_rules,
    run,
    write_results,
)

Connection = duckdb.DuckDBPyConnection


def compute(
    connection: psycopg2.extensions.connection, threads: int | None = None
) -> dict[str, float]:
    """Feed DuckDB, judge everything there, write the periods back."""
    rules = read_rules(connection)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "messages.csv"
        with file.open("wb") as handle, connection.cursor() as cursor:
            cursor.copy_expert(
                f"copy (select {RAW_COLUMNS} {RAW_ROWS}) to stdout with csv header",
                handle,
            )
        fed = time.monotonic()
        duck = duckdb.connect(str(Path(folder) / "bench.duckdb"))
        duck.execute(f"set threads = {threads or os.cpu_count() or 1}")
        duck.execute(f"set temp_directory = '{folder}'")
        _readings(duck, file, rules)
        _excursions(duck, rules)
        _increments(duck, rules)
        _hours(duck)
        periods = {
            "hours": duck.execute("select * from hours").fetchall(),
            "shifts": _periods(duck, rules, DAY_MS // 2),
            "days": _periods(duck, rules, DAY_MS),
        }
        events = duck.execute(
            "select device_id, counter_event, count(*), sum(pieces)::bigint"
            " from increments group by all"
        ).fetchall()
        rows = duck.execute("select count(*) from read_csv(?)", [str(file)]).fetchone()
        steps = duck.execute("select count(*) from increments").fetchone()
        duck.close()
    assert rows and steps
    write_results(connection, "bench_duckdb", events, periods)
    return {
        "rows": rows[0],
        "increments": steps[0],
        "feed_seconds": round(fed - started, 2),
    }


def _first(name: str, rules: Rules) -> str:
    """The first value of a name, nested places first, as JSON."""
    paths = [*(f"$.{place}.{name}" for place in rules.places), f"$.{name}"]
    # JSON null counts as absent, as ->> has it.
    choices = [
        f"when payload ->> '{p}' is not null then payload -> '{p}'" for p in paths
    ]
    return f"case {' '.join(choices)} end"


def _number(value: str) -> str:
    """A JSON number, or a text of one."""
    return (
        f"case when json_type({value}) <> 'BOOLEAN'"
        f" then try_cast({value} ->> '$' as double) end"
    )


def _readings(duck: Connection, file: Path, rules: Rules) -> None:
    duck.execute(
        "create table devices (device_id text, factor bigint, gap_ms bigint,"
        " modulus bigint)"
    )
    for name, device in rules.devices.items():
        duck.execute(
            "insert into devices values (?, ?, ?, ?)",
            [name, rules.cap_factor(device), device.gap_ms, device.modulus],
        )
    other = rules.unregistered
    duck.execute(
        f"""
        create table readings as
        with payloads as (
            select * exclude (data), case json_type(data)
                when 'VARCHAR' then try_cast(data ->> '$' as json)
                when 'OBJECT' then data::json
            end as payload
            from read_csv(?, types = {{'data': 'VARCHAR'}})
            where measured_ms between {FIRST_YEAR_MS} and created_ms + {rules.ahead_ms}
        ),
        found as (
            select *, {_first("count", rules)} as count_value,
                {_first("uptime", rules)} as uptime_value
            from payloads where json_type(payload) = 'OBJECT'
        ),
        typed as (
            select device_id, measured_ms as at_ms, created_ms, id,
                {_number("count_value")} as count, {_number("uptime_value")} as uptime
            from found
        )
        select
            device_id, at_ms, count::bigint as count,
            case when uptime >= 0 then uptime end as uptime,
            coalesce(factor, {rules.cap_factor(other)}) as factor,
            coalesce(modulus, {other.modulus}) as modulus
        from typed left join devices using (device_id)
        where count between 0 and {rules.max_count} and count = floor(count)
        qualify row_number() over (
            partition by device_id, at_ms order by created_ms desc, id desc
        ) = 1
        """,
        [str(file)],
    )


def _excursions(duck: Connection, rules: Rules) -> None:
    duck.execute(
        f"""
        create macro cap(factor, ms) as
            (factor * ms + {CAP_UNIT - 1}) // {CAP_UNIT} + {rules.cap_pieces};
        create macro wraps(c, p, most, modulus) as
            modulus > 0 and c < p and p >= {rules.rollover} * modulus
            and c + modulus - p <= most;
        create table judged as
        select *, coalesce(
            count - lag(count) over series between -{rules.jitter} and -1
            and lead(count) over series >= lag(count) over series
            and lead(at_ms) over series <= at_ms + {rules.look_ahead_ms}, false
        ) as is_jitter
        from readings window series as (partition by device_id order by at_ms);
        create table odd as
        select * from (
            select device_id, at_ms, count, factor, modulus,
                lag(at_ms) over series as base_at,
                lag(count) over series as base_count
            from judged where not is_jitter
            window series as (partition by device_id order by at_ms)
        )
        where (count < base_count or count > base_count + cap(factor, at_ms - base_at))
            and not wraps(count, base_count, cap(factor, at_ms - base_at), modulus);
        create table returns as
        with later as (
            select odd.*, judged.at_ms as later_at, judged.count as later_count,
                lag(judged.count) over series as before_count,
                lag(judged.at_ms) over series as before_at
            from odd inner join judged
                on odd.device_id = judged.device_id
                and judged.at_ms
                    between odd.at_ms and odd.at_ms + {rules.look_ahead_ms}
            window series as (
                partition by odd.device_id, odd.at_ms order by judged.at_ms
            )
        ),
        ends as (
            select device_id, at_ms, base_at, count < base_count as is_dip,
                min(later_at) filter (
                    later_count - before_count > cap(factor, later_at - before_at)
                    and later_count between base_count
                        and base_count + cap(factor, later_at - base_at)
                ) as dip_ends_at,
                min(later_at) filter (
                    later_at > at_ms
                    and later_count <= base_count + cap(factor, later_at - base_at)
                ) as spike_ends_at,
                arg_min(later_count, later_at) filter (
                    later_at > at_ms
                    and later_count <= base_count + cap(factor, later_at - base_at)
                ) >= any_value(base_count) as spike_settles
            from later group by all
        )
        select device_id, base_at, at_ms as starts_at,
            case when is_dip then dip_ends_at
                when spike_settles then spike_ends_at end as ends_at,
            case when is_dip then 'dip' else 'spike' end as excursion
        from ends where ends_at is not null
        order by device_id, starts_at
        """
    )
    # What starts from inside an earlier excursion is none: rare rows, one by one.
    accepted, claimed = [], (None, 0)
    for row in duck.execute("select * from returns").fetchall():
        device_id, base_at, _, ends_at, _ = row
        if claimed[0] != device_id or base_at >= claimed[1]:
            accepted.append(row)
            claimed = (device_id, ends_at)
    duck.execute("create table accepted as from returns limit 0")
    if accepted:
        duck.executemany("insert into accepted values (?, ?, ?, ?, ?)", accepted)


def _increments(duck: Connection, rules: Rules) -> None:
    duck.execute(
        f"""
        create table increments as
        with bounded as (
            select judged.* exclude (excursion), case
                when at_ms < ends_at then excursion when is_jitter then 'jitter'
            end as excursion
            from (
                select judged.*, accepted.excursion, accepted.ends_at
                from judged asof left join accepted
                    on judged.device_id = accepted.device_id
                    and judged.at_ms >= accepted.starts_at
            ) as judged
        ),
        levels as (
            select *, lag(at_ms) over series as since, lag(count) over series as p,
                lag(uptime) over series as up_p,
                cap(factor, at_ms - lag(at_ms) over series) as most
            from bounded
            window series as (
                partition by device_id, excursion is null order by at_ms
            )
        ),
        events as (
            select device_id, at_ms, count, modulus, p,
                case when excursion is null then since end as since,
                case
                    when excursion is not null then excursion
                    when p is null then 'first'
                    when count between p and p + most then 'normal'
                    when wraps(count, p, most, modulus) then 'rollover'
                    when p - count > {rules.jitter}
                        and p - count <= {rules.rollback} * p
                        and coalesce(uptime >= up_p, true) then 'rollback'
                    when count < p and count <= most then 'reset'
                    when count < p then 'unexplained_reset'
                    else 'jump'
                end as counter_event
            from levels
        )
        select device_id, at_ms, count, coalesce(since, at_ms) as since, counter_event,
            case counter_event
                when 'normal' then count - p
                when 'rollover' then count + modulus - p
                when 'reset' then count
                else 0
            end as pieces
        from events
        """
    )


def _hours(duck: Connection) -> None:
    """Bricks per hour; steps over hour borders split by largest remainder."""
    duck.execute(
        f"""
        create table hours as
        with steps as (
            select *, since // {HOUR_MS} * {HOUR_MS} as first,
                row_number() over () as step
            from increments
        ),
        cut as (
            select *, pieces * ms // (at_ms - since) as whole,
                pieces * ms % (at_ms - since) as rest
            from (
                select *, least(hour + {HOUR_MS}, at_ms) - greatest(hour, since) as ms
                from (
                    select *, unnest(range(first, at_ms, {HOUR_MS})) as hour
                    from steps where at_ms > first + {HOUR_MS}
                )
            )
        ),
        parts as (
            select device_id, first as hour, pieces
            from steps where at_ms <= first + {HOUR_MS}
            union all
            select device_id, hour, whole + (
                row_number() over (partition by step order by rest desc, hour)
                <= pieces - sum(whole) over (partition by step)
            )::bigint
            from cut
        )
        select device_id, hour, sum(pieces)::bigint as bricks
        from parts group by all
        """
    )


def _periods(duck: Connection, rules: Rules, length: int) -> list[tuple]:
    offset = rules.offset_ms - rules.day_starts_ms
    start = f"(hour + {offset}) // {length} * {length} - {offset}"
    return duck.execute(
        f"select device_id, {start}, sum(bricks)::bigint from hours group by all"
    ).fetchall()


if __name__ == "__main__":
    run(compute)
