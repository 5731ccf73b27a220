"""No message can break a statement: every raw row ends in exactly one verdict."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import yaml
from hostile import BLANKS, Row, each, messages
from hypothesis import HealthCheck, Phase, given, settings
from psycopg2.extras import execute_values
from test_incremental import Plant

ROOT = Path(__file__).parents[2]
SOAK = int(os.environ.get("BRICKWORKS_SCHEDULES", "0"))
JUDGES = (
    "stg_brick_counts",
    "stg_moisture_readings",
    "stg_machine_messages",
    "stg_unclaimed_messages",
)


def documented() -> set[str]:
    """The rejection codes that have words."""
    path = ROOT / "models/measurements/_measurements__columns.md"
    block = re.search(
        r"{% docs rejection_reason %}(.*?){% enddocs %}", path.read_text(), re.S
    )
    return set(re.findall(r"^\| `(\w+)` \|", block[1], re.M))


@pytest.fixture(scope="module")
def plant(project) -> Plant:
    plant = Plant(project)
    plant.run("seed")
    # It would refuse the longest ids itself, and not every raw table has one.
    plant.sql("drop index raw.measurements_device_id_timestamp_idx")
    return plant


def judge(plant: Plant, rows: list[Row]) -> None:
    """Let the messages come and be judged, and look at every verdict."""
    plant.clear()
    with plant.project._connect() as connection, connection.cursor() as cursor:
        execute_values(
            cursor,
            'insert into raw.measurements (device_id, sensor_type, "timestamp", data,'
            " created_at) values %s",
            rows,
            page_size=200,
        )
    plant.run("run", "--select", "+device_days")
    union = " union all ".join(
        "select measurement_id, verdict, rejection_reason, event_at, filed_at,"
        f" production_date, ingested_at, device_id, sensor_type from {plant.tables[t]}"
        for t in JUDGES
    )
    plant.sql(f"create or replace view raw.verdicts as {union}")
    assert (
        plant.sql(
            "select id, count(verdict) from raw.measurements"
            " full join raw.verdicts on id = measurement_id"
            " group by id having count(verdict) <> 1 or id is null"
        )
        == []
    )
    assert plant.sql(
        "select sum(reading_count + health_count + duplicate_count + rejected_count),"
        f" sum(message_count) from {plant.tables['device_days']}"
    ) == [(len(rows), len(rows))]
    # A number is of a moment one can calculate with.
    assert (
        plant.sql(
            "select * from raw.verdicts where verdict <> 'rejected' and ("
            " event_at is null or ingested_at is null"
            " or event_at not between '2020-01-01 06:00+07' and '9999-01-01'"
            " or extract(epoch from ingested_at - event_at) is null)"
        )
        == []
    )
    assert (
        plant.sql(
            "select * from raw.verdicts where filed_at not between"
            " '2020-01-01 06:00+07' and '9999-01-01' or filed_at is null"
            " or (verdict = 'rejected') <> (rejection_reason is not null)"
            " or char_length(device_id) > 200 or char_length(sensor_type) > 200"
        )
        == []
    )
    codes = plant.sql("select distinct rejection_reason from raw.verdicts")
    assert {code for (code,) in codes if code} <= documented()
    # What is not odd is found where the raw table's index looks for it.
    assert (
        plant.sql(
            "select * from analytics_staging.stg_measurements where not is_odd and"
            " (raw_device_id is null or measured_at is distinct from filed_at)"
        )
        == []
    )


def test_each_hostile_value_gets_a_verdict(plant: Plant):
    judge(plant, each())
    found = plant.sql("select distinct rejection_reason from raw.verdicts")
    # These are of rows that are not here.
    assert {code for (code,) in found if code} == documented() - {"too_late"}


@settings(
    max_examples=SOAK or 3,
    derandomize=not SOAK,
    database=None,
    deadline=None,
    print_blob=True,
    phases=[Phase.generate, Phase.shrink] if SOAK else [Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(rows=messages)
def test_any_message_gets_a_verdict(plant: Plant, rows: list[Row]):
    judge(plant, rows)


def test_ids_are_trimmed_of_everything_that_is_blank(plant: Plant):
    rows = [
        (f"{blank}ft-16{blank}", f"{blank}Brick_Counter{blank}", "2026-03-02 08:00+07",
         '{"count": 5}', "2026-03-02 08:00+07")
        for blank in ["", *BLANKS, BLANKS]
    ]  # fmt: skip
    judge(plant, rows)
    assert plant.sql("select distinct device_id, sensor_type from raw.verdicts") == [
        ("FT-16", "brick_counter")
    ]


def test_every_rejection_code_is_described_and_accepted():
    accepted = set()
    for path in ROOT.glob("models/*/_*.yml"):
        for model in yaml.safe_load(path.read_text()).get("models", []):
            for column in model.get("columns", []):
                if column["name"] in ("rejection_reason", "envelope_rejection"):
                    for test in column.get("data_tests", []):
                        accepted |= set(test["accepted_values"]["arguments"]["values"])
    assert accepted == documented()
