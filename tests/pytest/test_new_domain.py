"""A further domain, added to a copy of the project by the steps in CONTRIBUTING."""

import shutil
from datetime import timedelta

import pytest
from arrivals import MINUTE, Message, at
from psycopg2.extras import Json

SENSOR_TYPE, DEVICE = "kiln_temperature", "NHIET-LO-01"
PARTS = ("models", "macros", "seeds", "analyses", "tests/generic", "tests/invariants")
FILES = ("dbt_project.yml", "selectors.yml")

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
with stg_measurements as (select * from {{ ref('stg_measurements') }}),

int_message_days as materialized (

    select *, {{ fingerprint() }} as fingerprint
    from (select * from {{ ref('int_message_days') }}) as days
    where sensor_type in {{ sensor_types('stg_kiln_temperatures') }}
        and message_count > 0
        and {{ is_unbuilt() }}

),

judged_messages as (

    select int_message_days.fingerprint, messages_of_the_day.*
    from int_message_days
    cross join lateral (
        with messages as (
            select *, {{ json_first('payload', ['kiln_temperature']) }} as celsius_value
            from stg_measurements
            where {{ is_of_device_day('int_message_days') }}
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
    fingerprint, measurement_id, device_id, sensor_type,
    {{ verdict(same_as_survivor) }} as verdict,
    {{ rejection_reason(same_as_survivor) }} as rejection_reason,
    celsius,
    {{ message_flags({'celsius': 'celsius'}) }} as flags,
    production_date, event_at, filed_at, ingested_at
from judged_messages
"""

MART = """
-- One row per device and production day: how hot the kiln was.
with readings as (

    select * from {{ ref('stg_kiln_temperatures') }} where verdict = 'reading'

),

limits as (

    select * from {{ ref('device_thresholds') }} where metric = 'kiln_temperature'

)

select
    device_id,
    count(*) as sample_count,
    round(avg(celsius), 3) as avg_celsius,
    count(*) filter (where celsius not between low and high) as outside_count,
    production_date
from readings
inner join limits using (device_id, sensor_type)
group by device_id, production_date
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
      materialized: incremental
      pre_hook: "{{ forget_stale_days(ref('int_message_days')) }}"
      indexes:
        - {columns: [device_id, production_date]}
      meta:
        domain: stg_kiln_temperatures
        builds_days_with: message_count > 0
        built_from: [messages_hash]
        reads_raw: true
    data_tests:
      - unique_grain:
          arguments: {columns: [device_id, measurement_id]}
  - name: kiln_temperature_stats
    config: {group: kiln_temperature, access: public}
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
    messages = [
        Message(
            DEVICE,
            at("12:00") + i * MINUTE,
            value if isinstance(value, dict) else {"kiln_temperature": value},
            at("12:00") + i * MINUTE + timedelta(seconds=2),
            SENSOR_TYPE,
        )
        for i, value in enumerate([*values, 1190])
    ]
    messages.append(messages[0])
    project.insert(
        [
            (m.device_id, m.sensor_type, m.timestamp, Json(m.data), None, m.created_at)
            for m in messages
        ]
    )
    return project


def test_a_domain_is_one_folder_one_line_and_its_seed_rows(extended):
    extended.dbt("build", "--exclude-resource-type", "unit_test")
    assert extended.sql(
        "select device_id, sample_count, avg_celsius::float, outside_count"
        " from analytics.kiln_temperature_stats"
    ) == [(DEVICE, 5, 1204.0, 1)]
    assert extended.sql(
        "select message_count, reading_count, health_count, duplicate_count,"
        " rejected_count from analytics.device_days where device_id = %s",
        DEVICE,
    ) == [(8, 5, 1, 1, 1)]
    assert extended.sql(
        "select reason from analytics.rejected_measurements where device_id = %s",
        DEVICE,
    ) == [("missing_temperature",)]


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
