"""What must not matter: the order of arrival, a message sent twice, the unit it is in.

Every drawn series is sent by several devices, each in another way, and all have to get
the same numbers. One build judges many series at once.
"""

import os
from datetime import timedelta

import pytest
from arrivals import at
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg2.extras import Json

EXAMPLES = 20 if os.environ.get("BRICKWORKS_SCHEDULES") else 1
SERIES = 12

MOISTURE_MARTS = [
    f"moisture_analysis_stats{grain}" for grain in ("", "_hourly", "_daily")
]
MACHINE_MARTS = [
    f"machine_{kind}_stats{grain}"
    for kind in ("monitoring", "metric")
    for grain in ("", "_hourly", "_daily")
]
WHO = {"device_id", "first_measurement_id", "last_measurement_id"}
TWICE = {
    "duplicate_count",
    # One of its parts is how few of the messages are duplicates.
    "data_quality_score",
    "data_quality_reasons",
    "metadata",
}
MACHINE_WAYS = {"TWICE": TWICE, "LATE": set()}
MOISTURE_WAYS = MACHINE_WAYS | {"PERCENT": {"unit"}}
"""How else the series is sent, and the columns that may tell."""

steps = st.sampled_from([60, 240, 300, 300, 300, 600, 1000, 5000])
moistures = st.lists(
    st.tuples(steps, st.integers(0, 999) | st.integers(90, 210), st.booleans()),
    min_size=1,
    max_size=40,
)
machines = st.lists(
    st.tuples(
        steps,
        st.fixed_dictionaries(
            {"temperature": st.integers(20, 140), "vibration": st.integers(0, 14)},
            optional={"status": st.sampled_from(["running", "stopped", "maintenance"])},
        ),
        st.booleans(),
    ),
    min_size=1,
    max_size=40,
)


def messages(device_id, sensor_type, series, payload, twice=False):
    """Rows of the raw table; marked readings come twice where `twice` says so."""
    rows, moment = [], at("05:10")
    for seconds, value, is_marked in series:
        moment += timedelta(seconds=seconds)
        data = Json(payload(value))
        written = moment + timedelta(seconds=2)
        rows += [(device_id, sensor_type, moment, data, None, written)] * (
            2 if twice and is_marked else 1
        )
    return rows


def fraction(thousandths):
    return {"moisture": thousandths / 1000, "temperature": 40 + thousandths % 3}


def percent(thousandths):
    return fraction(thousandths) | {"moisture": thousandths / 10}


def rows_of(project, mart, device_id, but):
    columns = "".join(f" - '{column}'" for column in sorted(but | WHO))
    found = project.sql(
        f"select (to_jsonb(t){columns})::text from analytics.{mart} as t"
        " where device_id = %s order by 1",
        device_id,
    )
    return [row for (row,) in found]


@pytest.fixture(scope="module")
def plant(project):
    project.dbt("seed")
    for name, unit in {"PLAIN": "fraction", "TWICE": "fraction", "LATE": "fraction",
                       "PERCENT": "percent"}.items():  # fmt: skip
        project.sql(
            "insert into analytics.device_registry (device_id, sensor_type, unit,"
            " location, expected_interval_seconds, commissioned_on)"
            " select format('%%s-%%s', %s, number), 'moisture', %s, 'dryer', 300,"
            " date '2020-01-01' from generate_series(1, %s) as number",
            name,
            unit,
            SERIES,
        )
    return project


@settings(
    max_examples=EXAMPLES,
    derandomize=EXAMPLES == 1,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(
    moist=st.lists(moistures, min_size=SERIES, max_size=SERIES),
    working=st.lists(machines, min_size=SERIES, max_size=SERIES),
)
def test_order_duplicates_and_units_do_not_matter(plant, moist, working):
    plant.sql("truncate raw.measurements")
    arriving = []
    for number, series in enumerate(moist, 1):
        kind = "moisture"
        arriving += messages(f"PLAIN-{number}", kind, series, fraction)
        arriving += messages(f"PERCENT-{number}", kind, series, percent)
        arriving += messages(f"TWICE-{number}", kind, series, fraction, twice=True)
        arriving += messages(f"LATE-{number}", kind, series, fraction)[::-1]
    for number, series in enumerate(working, 1):
        kind = "machine_monitoring"
        arriving += messages(f"MACHINE-{number}", kind, series, dict)
        arriving += messages(f"MACHINE-TWICE-{number}", kind, series, dict, twice=True)
        arriving += messages(f"MACHINE-LATE-{number}", kind, series, dict)[::-1]
    plant.insert(arriving)
    # Else nobody said that the messages before may go.
    plant.dbt("run", "--full-refresh", "--vars", "forget_missing_days: true")
    compared = 0
    for number in range(1, SERIES + 1):
        for mart in MOISTURE_MARTS:
            for other, but in MOISTURE_WAYS.items():
                here = rows_of(plant, mart, f"PLAIN-{number}", but)
                assert here == rows_of(plant, mart, f"{other}-{number}", but)
                compared += len(here)
        for mart in MACHINE_MARTS:
            for other, but in MACHINE_WAYS.items():
                here = rows_of(plant, mart, f"MACHINE-{number}", but)
                assert here == rows_of(plant, mart, f"MACHINE-{other}-{number}", but)
                compared += len(here)
    assert compared > SERIES * 10
    doubled = sum(is_marked for series in moist for *_, is_marked in series)
    assert plant.sql(
        "select sum(duplicate_count)::integer from analytics.moisture_analysis_stats"
        " where device_id like 'TWICE-%%'"
    ) == [(doubled,)]
