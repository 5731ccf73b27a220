"""A further domain, added to a copy of the project by the steps in CONTRIBUTING.

One of its models stands between two others, and says nothing of them but its refs and
what it reads beside its day.
"""

import shutil
from datetime import timedelta

import pytest
from arrivals import MINUTE, Message, at
from psycopg2.extras import Json

SENSOR_TYPE, DEVICE = "kiln_temperature", "NHIET-LO-01"
PARTS = ("models", "macros", "seeds", "analyses", "tests/generic", "tests/invariants")
FILES = ("dbt_project.yml", "selectors.yml", "unit_test_vars.yml")

LINE = f"    {SENSOR_TYPE}: stg_kiln_temperatures\n"
SEED_ROWS = {
    "device_registry": {
        "device_id": DEVICE,
        "sensor_type": SENSOR_TYPE,
        "production_line": "DC-01",
        "location": "kiln",
        "unit": "celsius",
        "expected_interval_seconds": "60",
    },
    "thresholds": {
        "scope": "default",
        "metric": "kiln_temperature",
        "low": "1150",
        "high": "1250",
        "unit": "celsius",
        "why": '"Colder tiles stay porous, hotter ones warp"',
    },
}

STAGING = """
-- One row per kiln-temperature message: its value, with exactly one verdict.
{%- set same_as_survivor = 'celsius = first_celsius' %}
with int_message_days as (

    select *
    from {{ days(['raw_device_ids', 'odd_ids'], of='int_message_days') }} as days

),

stg_measurements as not materialized (

    select * from {{ ref('stg_measurements') }}

),

judged_messages as (

    select messages_of_the_day.*
    from int_message_days
    cross join lateral (
        with messages as (
            select *, {{ json_first('payload', ['kiln_temperature']) }} as celsius_value
            from {{ messages_of('stg_measurements', 'int_message_days') }} as of_the_day
            offset 0
        ),

        typed as (
            select *, {{ json_number('celsius_value') }} as celsius from messages
        ),

        with_verdict as (
            select
                *,
                case
                    when envelope_rejection is not null then envelope_rejection
                    when {{ is_health_message('kiln_temperature') }} then 'health'
                    when celsius is null then 'missing_temperature'
                    else 'reading'
                end as own_verdict
            from typed
        )

        select
            *,
            row_number() over readings_of_the_moment as moment_rank,
            first_value(celsius) over readings_of_the_moment as first_celsius
        from with_verdict
        window readings_of_the_moment as (
            partition by own_verdict, event_at
            order by ingested_at desc nulls last, measurement_id desc
        )
    ) as messages_of_the_day

)

select
    measurement_id, device_id, sensor_type,
    {{ verdict(same_as_survivor) }} as verdict,
    {{ rejection_reason(same_as_survivor) }} as rejection_reason,
    celsius,
    {{ message_flags({'celsius': 'celsius'}) }} as flags,
    production_date, event_at, filed_at, ingested_at
from judged_messages
"""

BETWEEN = """
-- One row per kiln and reading: how far it is from the one before, be that yesterday's.
with device_days as (select * from {{ days() }} as days),

limits as (

    select * from {{ ref('device_thresholds') }} where metric = 'kiln_temperature'

)

select
    device_days.device_id, device_days.production_date,
    readings.event_at, readings.celsius, readings.change, readings.beside_count,
    readings.celsius not between limits.low and limits.high as is_outside
from device_days
inner join limits using (sensor_type, device_id)
cross join lateral (
    select
        event_at, celsius, production_date,
        celsius - lag(celsius) over (order by event_at) as change,
        count(*) filter (where production_date <> device_days.production_date) over ()
            as beside_count
    from {{ reads('stg_kiln_temperatures') }} as stg_kiln_temperatures
    where verdict = 'reading'
) as readings
where readings.production_date = device_days.production_date
"""

MART = """
-- One row per device and production day: how hot the kiln was.
with device_days as (select * from {{ days() }} as days)

select
    device_days.device_id, device_days.production_date, changes.*
from device_days
cross join lateral (
    select
        count(*) as sample_count,
        round(avg(celsius), 3) as avg_celsius,
        count(*) filter (where is_outside) as outside_count,
        (array_agg(change order by event_at))[1] as first_change,
        max(beside_count) as beside_count
    from {{ reads('int_kiln_changes') }} as int_kiln_changes
    having count(*) > 0
) as changes
"""

YAML = """
groups:
  - name: kiln_temperature
    owner: {name: the data engineers of the plant}
models:
  - name: stg_kiln_temperatures
    config:
      group: kiln_temperature
      access: protected
      materialized: device_day
      border:
        {at: event_at, where: verdict = 'reading', tail_rows: 2, within: 10 minutes}
      indexes:
        - {columns: [device_id, production_date]}
    columns:
      - {name: measurement_id, data_type: bigint}
      - {name: device_id, data_type: text}
      - {name: sensor_type, data_type: text}
      - {name: verdict, data_type: text}
      - {name: rejection_reason, data_type: text}
      - {name: celsius, data_type: numeric}
      - {name: flags, data_type: "text[]"}
      - {name: production_date, data_type: date}
      - {name: event_at, data_type: timestamptz}
      - {name: filed_at, data_type: timestamptz}
      - {name: ingested_at, data_type: timestamptz}
    data_tests:
      - unique_grain:
          arguments: {columns: [device_id, measurement_id]}
  - name: int_kiln_changes
    config:
      group: kiln_temperature
      materialized: device_day
      beside: {stg_kiln_temperatures: before}
    columns:
      - {name: device_id, data_type: text}
      - {name: production_date, data_type: date}
      - {name: event_at, data_type: timestamptz}
      - {name: celsius, data_type: numeric}
      - {name: change, data_type: numeric}
      - {name: beside_count, data_type: bigint}
      - {name: is_outside, data_type: boolean}
  - name: kiln_temperature_stats
    config: {group: kiln_temperature, access: public, materialized: device_day}
    columns:
      - {name: device_id, data_type: text}
      - {name: production_date, data_type: date}
      - {name: sample_count, data_type: bigint}
      - {name: avg_celsius, data_type: numeric}
      - {name: outside_count, data_type: bigint}
      - {name: first_change, data_type: numeric}
      - {name: beside_count, data_type: bigint}
    data_tests:
      - unique_grain:
          arguments: {columns: [device_id, production_date]}
"""


def add_rows(root, seed, values):
    """Append a row to a seed, in the order of its header."""
    file = root / "seeds" / f"{seed}.csv"
    text = file.read_text("utf-8")
    header = text.splitlines()[0].split(",")
    row = ",".join(values.get(name, "") for name in header)
    file.write_text(f"{text.rstrip()}\n{row}\n", "utf-8")


@pytest.fixture(scope="module")
def extended(project, tmp_path_factory):
    """The project in a scratch copy with the new domain, messages in its raw table."""
    root = tmp_path_factory.mktemp("copy")
    for part in PARTS:
        shutil.copytree(project.root / part, root / part)
    for file in FILES:
        shutil.copy(project.root / file, root / file)
    folder = root / "models" / "kiln_temperature"
    folder.mkdir()
    for name, text in {
        "stg_kiln_temperatures.sql": STAGING,
        "int_kiln_changes.sql": BETWEEN,
        "kiln_temperature_stats.sql": MART,
        "_kiln_temperature.yml": YAML,
    }.items():
        (folder / name).write_text(text.lstrip(), "utf-8")
    configuration = root / "dbt_project.yml"
    text = configuration.read_text("utf-8")
    head = "    brick_counter: stg_brick_counts\n"
    assert head in text
    configuration.write_text(text.replace(head, head + LINE), "utf-8")
    for seed, values in SEED_ROWS.items():
        add_rows(root, seed, values)
    project.root = root
    values = [1180, 1190, 1260, 1200, "hot", {"status": "online", "battery": 90}]
    messages = hot("12:00", 0, *values, 1190)
    messages.append(messages[0])
    # Half an hour up to the change of day, and some minutes after it.
    messages += hot("05:25", 1, *[1200] * 30) + hot("06:05", 1, 1210, 1215)
    arrive(project, messages)
    return project


def hot(clock, day, *values):
    """Readings of the kiln a minute apart; an object is a whole payload."""
    moments = [at(clock, day) + i * MINUTE for i in range(len(values))]
    return [
        Message(
            DEVICE,
            moment,
            value if isinstance(value, dict) else {"kiln_temperature": value},
            moment + timedelta(seconds=2),
            SENSOR_TYPE,
        )
        for moment, value in zip(moments, values, strict=True)
    ]


def arrive(project, messages):
    project.insert(
        [
            (m.device_id, m.sensor_type, m.timestamp, Json(m.data), None, m.created_at)
            for m in messages
        ]
    )


def stats(project, *columns):
    return project.sql(
        f"select {', '.join(columns)} from analytics.kiln_temperature_stats"
        " order by production_date"
    )


def test_a_domain_is_one_folder_one_line_and_its_seed_rows(extended):
    extended.dbt("build")
    assert stats(extended, "device_id", "sample_count", "outside_count") == [
        (DEVICE, 35, 1),
        (DEVICE, 2, 0),
    ]
    assert extended.sql(
        "select message_count, reading_count, health_count, duplicate_count,"
        " rejected_count from analytics.device_days where device_id = %s"
        " order by production_date",
        DEVICE,
    ) == [(38, 35, 1, 1, 1), (2, 2, 0, 0, 0)]
    assert extended.sql(
        "select reason from analytics.rejected_measurements where device_id = %s",
        DEVICE,
    ) == [("missing_temperature",)]


MADE_OF = ("run", "-s", "+kiln_temperature_stats")


def test_a_model_between_two_others_reads_the_border_and_no_more(extended):
    """From 05:44 to 05:54, of the 35 readings of the day before."""
    assert stats(extended, "first_change::integer", "beside_count") == [
        (None, 0),
        (10, 11),
    ]


def test_a_neighbours_message_restates_what_a_model_between_two_others_made(extended):
    """Nobody was told of the model: what it reads follows from its refs."""
    arrive(extended, hot("05:58", 1, 1180))
    extended.dbt(*MADE_OF)
    assert stats(extended, "first_change::integer", "beside_count") == [
        (None, 0),
        (30, 8),
    ]


def test_a_row_of_a_seed_restates_what_a_model_between_two_others_made(extended):
    high = "update analytics.thresholds set high = %s where metric = 'kiln_temperature'"
    extended.sql(high, 1212)
    extended.dbt(*MADE_OF)
    assert stats(extended, "outside_count") == [(1,), (1,)]
    extended.sql(high, 1250)
    extended.dbt(*MADE_OF)
    assert stats(extended, "outside_count") == [(1,), (0,)]


def test_a_domain_without_its_line_is_told_of(extended):
    configuration = extended.root / "dbt_project.yml"
    text = configuration.read_text("utf-8")
    configuration.write_text(text.replace(LINE, ""), "utf-8")
    try:
        test = ("test", "-s", "assert_no_measurement_is_lost")
        extended.dbt(*test, succeeds=False)
    finally:
        configuration.write_text(text, "utf-8")
    extended.dbt(*test)


def test_a_column_of_a_mart_is_one_expression_and_one_description(extended):
    """The lists of the family's marts need its name, and their SQL nothing.

    The plant has no such sensor: its tables get the column all the same.
    """
    folder = extended.root / "models" / "moisture_analysis"
    edits = {
        "int_moisture_judged.sql": [
            (
                "    device_days.location,\n",
                "    device_days.location,\n    outside_ratio as out_of_range_ratio,\n",
            )
        ],
        "_moisture_analysis.yml": [
            ("*time_in_range_ratio,", "*time_in_range_ratio, *out_of_range_ratio,"),
            ("- *time_in_range_ratio\n", "- *time_in_range_ratio\n      - *added\n"),
            ("- *added", "- *out_of_range_ratio"),
            (
                "  - &time_in_range_ratio\n",
                "  - &out_of_range_ratio\n"
                "    name: out_of_range_ratio\n"
                "    data_type: numeric(18, 6)\n"
                "    description: Share of the observed time outside the band.\n"
                "  - &time_in_range_ratio\n",
            ),
        ],
    }
    for name, replacements in edits.items():
        text = (folder / name).read_text("utf-8")
        for old, new in replacements:
            assert old in text, f"{name} has no {old!r}"
            text = text.replace(old, new)
        (folder / name).write_text(text, "utf-8")
    extended.dbt("run", "-s", "int_moisture_judged+")
    assert extended.sql(
        "select table_name, numeric_scale from information_schema.columns"
        " where table_schema = 'analytics' and column_name = 'out_of_range_ratio'"
        " order by table_name"
    ) == [
        ("moisture_analysis_stats", 6),
        ("moisture_analysis_stats_daily", 6),
        ("moisture_analysis_stats_hourly", 6),
    ]
