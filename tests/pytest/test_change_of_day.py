"""Where a day changes must not matter to what a counter did.

Every series is sent by two devices, one some hours after the other: the change of day
falls between other readings, and the counter does the same. One build judges many
series at once.
"""

import os
from collections import defaultdict
from datetime import timedelta
from random import Random

import pytest
from arrivals import at
from psycopg2.extras import Json

FIRST_SEED = int(os.environ.get("BRICKWORKS_SOAK_SEED", "0"))
SEEDS = range(FIRST_SEED, FIRST_SEED + (30 if FIRST_SEED else 2))
SERIES = 300
LATER = timedelta(hours=6, minutes=30)

PAUSES = [60] * 40 + [20, 300, 840, 900, 4000, 60000, 90000]
TURNS = ["plain"] * 3 + ["jitter", "dip", "spike", "rollback", "reset"]
MISREAD = {"jitter": -1, "dip": -4990, "spike": 9000}


def misread_counter(random):
    """Seconds since the reading before, and the count shown, reading by reading."""
    made = 5000
    for _ in range(random.randint(3, 20)):
        turn, pause = random.choice(TURNS), random.choice(PAUSES)
        pieces = random.choice([0, 1, 10, 10])
        lasts = turn in ("plain", "dip", "spike")
        for number in range(
            random.choice([1, 2, 5, 8, 13, 14, 15, 16]) if lasts else 1
        ):
            made = {"reset": 0, "rollback": made - 20}.get(turn, made) + pieces
            yield 60 if number else pause, max(made + MISREAD.get(turn, 0), 0)


def a_minute_apart(*counts):
    return [(60, count) for count in counts]


KNOWN = [
    # A step back by one, then a spike until six: the level is before both.
    a_minute_apart(*range(5000, 5140, 10), 5129, *range(9131, 9146), 5135, 5140),
    # What rises out of a first dip into a second one is no spike.
    a_minute_apart(
        *range(5000, 5110, 10),
        *range(5, 14),
        *range(5200, 5310, 10),
        *range(14, 18),
        5360,
    ),
]


def messages(device_id, moment, series):
    """Rows of the raw table."""
    rows = []
    for seconds, count in series:
        moment += timedelta(seconds=seconds)
        written = moment + timedelta(seconds=2)
        data = Json({"count": count})
        rows.append((device_id, "brick_counter", moment, data, None, written))
    return rows


@pytest.mark.parametrize("seed", SEEDS)
def test_a_change_of_day_changes_no_event(project, seed):
    random = Random(seed)
    sent = [(at("05:29"), series) for series in KNOWN]
    for _ in range(SERIES):
        start = at("05:00") + timedelta(minutes=random.randint(0, 65))
        sent.append((start, list(misread_counter(random))))
    project.sql("truncate raw.measurements")
    for number, (start, series) in enumerate(sent):
        project.insert(messages(f"OVER-SIX-{number}", start, series))
        project.insert(messages(f"LATER-{number}", start + LATER, series))
    project.dbt("seed")
    # Else nobody said that the messages of another seed may go.
    forget = ("--vars", "forget_missing_days: true")
    project.dbt("run", "-s", "+int_brick_increments", "--full-refresh", *forget)
    (table,) = (
        table
        for table in project.incremental_tables()
        if table.endswith('"int_brick_increments"')
    )
    events = defaultdict(list)
    for device_id, *event in project.sql(
        "select device_id, counter_event, count, previous_count, count_increment,"
        f" suspect_increment from {table} order by event_at"
    ):
        events[device_id].append(event)
    for number, (start, series) in enumerate(sent):
        here, later = events[f"OVER-SIX-{number}"], events[f"LATER-{number}"]
        assert len(here) == len(series)
        assert here == later, f"from {start}: {series}"
    assert {event for device in events.values() for event, *_ in device} >= {
        "normal", "first", "jitter", "dip", "spike", "rollback", "reset", "jump"
    }  # fmt: skip
