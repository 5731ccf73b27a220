"""The simulator: reproducible, in order of arrival, and true to its own truth."""

import csv
import gzip
import importlib.util
import json
import math
from collections import Counter, defaultdict
from contextlib import closing
from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import psycopg2
import pytest

from brickworks.simulator import (
    FAULTS,
    FactoryConfig,
    Truth,
    TruthWriter,
    full_factory,
    load,
    registry,
    simulate,
    tell,
)
from brickworks.simulator.clock import iso_text, plant_day
from brickworks.simulator.factory import (
    BRICKS,
    SHAPES,
    all_devices,
    expected_messages,
    modulus,
)
from brickworks.simulator.flow import line_day
from brickworks.simulator.stream import blocks

_spec = importlib.util.spec_from_file_location(
    "reference_reader", Path(__file__).with_name("reference_reader.py")
)
reader = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(reader)

SEED = 4
FULL = full_factory(lines=1, days=3, seed=SEED)
CLEAN = FactoryConfig(days=2, faults=frozenset())


@cache
def run(config):
    """Messages and truth of a factory."""
    truth = Truth()
    return tuple(simulate(config, truth.append)), truth


def counters(config):
    return [device for device in all_devices(config) if device.sensor is None]


def counted(config, rows, device):
    return reader.increments(
        rows[device.device_id], device.stage.max_per_hour, modulus(config, device)
    )


def events(config):
    """Counter events the reference reader finds in all counters of a factory."""
    _, rows = reader.read(run(config)[0])
    found = (counted(config, rows, device) for device in counters(config))
    return Counter(step[0] for steps in found for step in steps)


def verdicts(config):
    """Verdicts the reference reader gives on all brick messages of a factory."""
    by_device, _ = reader.read(
        message for message in run(config)[0] if '"count"' in message.data
    )
    return sum((Counter(found) for found in by_device.values()), Counter())


# Reproducible


def test_same_seed_same_messages_another_seed_others():
    assert run(FactoryConfig())[0] == tuple(simulate(FactoryConfig()))
    assert run(FactoryConfig())[0] != tuple(simulate(FactoryConfig(seed=2)))


def test_small_factory_is_the_one_make_run_promises():
    messages, truth = run(FactoryConfig())
    assert 40_000 < len(messages) < 60_000
    assert abs(len(messages) / expected_messages(FactoryConfig()) - 1) < 0.1
    assert len(truth.devices) == 8
    assert len({m.device_id for m in messages if m.device_id.strip()}) == 13
    found = {fault.fault for fault in truth.faults}
    assert {"dip", "gap_with_production", "late", "conflicting_duplicate"} <= found
    assert messages[0].timestamp.isoformat() >= "2025-11-09T23:00"
    assert max(m.timestamp for m in messages).isoformat() < "2025-11-12T23:00"


def test_some_devices_alone_send_what_they_send_among_all():
    some = frozenset({"SAU-LN-01", "AM-SAY-02", "QUAT-LO-01"})
    alone = list(simulate(full_factory(lines=1, days=3, seed=SEED, devices=some)))
    among = [m for m in run(FULL)[0] if m.device_id.strip().upper() in some]
    broken = [m for m in alone if not m.device_id.strip()]
    assert [m for m in alone if m not in broken] == among


def test_a_later_day_alone_is_the_same_day():
    later = FactoryConfig(first_day=date(2025, 11, 11), days=1, faults=frozenset())
    whole = set(run(CLEAN)[0])
    alone = list(simulate(later))
    assert alone
    assert set(alone) <= whole


def test_asking_for_fewer_faults_leaves_the_long_ones_where_they_are():
    some = {"dip", "spike", "micro_stop"}
    among = {f[:3] for f in run(FULL)[1].faults if f.fault in some}
    alone = tell(full_factory(lines=1, days=3, seed=SEED, faults=some))
    assert {fault[0] for fault in among} == some
    assert among <= {fault[:3] for fault in alone.faults}


# Messages


def test_messages_come_in_order_of_arrival():
    messages, _ = run(CLEAN)
    assert all(a.created_at <= b.created_at for a, b in pairwise(messages))


def test_every_payload_is_a_json_text():
    for message in run(FULL)[0]:
        json.loads(message.data)
        json.loads(message.metadata)
        assert "\t" not in message.data


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_read_alike(shape):
    config = FactoryConfig(days=1, faults=frozenset(), shapes=(shape,))
    _, rows = reader.read(run(config)[0])
    _, usual = reader.read(run(FactoryConfig(days=1, faults=frozenset()))[0])
    assert {name: [row[:3] for row in found] for name, found in rows.items()} == {
        name: [row[:3] for row in found] for name, found in usual.items()
    }


def test_intervals_change_inside_a_shift():
    config = FactoryConfig(days=2, faults=frozenset(), fast_share=0.2)
    at = [
        m.timestamp
        for m in run(config)[0]
        if m.device_id == "SAU-LN-01" and '"count"' in m.data
    ]
    between = [round((b - a).total_seconds()) for a, b in pairwise(at)]
    assert between.count(60) > 20
    assert sum(5 <= seconds <= 6 for seconds in between) > 200


# Faults


RATES = {
    "interval": 2.0,
    "line": 3.0,
    "growth": 1.0,
    "always": 1.0,
    "message": 0.02,
}


def only(fault):
    rates = {fault: RATES[FAULTS[fault].kind]}
    return FactoryConfig(days=2, faults=frozenset({fault}), rates=rates)


def test_a_clean_factory_has_no_fault_at_all():
    _, truth = run(CLEAN)
    assert truth.faults == truth.labels == []
    assert set(events(CLEAN)) == {"first", "normal", "reset"}
    assert set(verdicts(CLEAN)) == {"reading"}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_asked_for_alone_happens_alone(fault):
    messages, truth = run(only(fault))
    assert {found.fault for found in truth.faults} == {fault}
    assert messages != run(CLEAN)[0]
    anomaly = FAULTS[fault].anomaly
    assert {label.anomaly for label in truth.labels} == (
        {anomaly} if anomaly else set()
    )


@pytest.mark.parametrize("fault", ["dip", "spike", "jitter", "rollback", "rollover"])
def test_a_counter_fault_is_the_event_it_is_called(fault):
    found = events(only(fault))
    assert found[fault] >= sum(f.fault == fault for f in run(only(fault))[1].faults) > 0
    assert set(found) == {"first", "normal", "reset", fault}


@pytest.mark.parametrize("fault", ["reset", "line_reset"])
def test_a_reset_is_a_reset_more(fault):
    assert set(events(only(fault))) == {"first", "normal", "reset"}
    assert events(only(fault))["reset"] > events(CLEAN)["reset"]


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        ("duplicate", "duplicate"),
        ("conflicting_duplicate", "conflicting_duplicate"),
        ("clock_ahead", "bad_timestamp"),
        ("clock_1970", "bad_timestamp"),
    ],
)
def test_a_message_fault_earns_its_verdict(fault, verdict):
    assert set(verdicts(only(fault))) == {"reading", verdict}


def test_broken_messages_earn_the_verdict_the_truth_names():
    config = only("bad_required")
    by_device, _ = reader.read(run(config)[0])
    bricks = {device.device_id for device in counters(config)}
    expected = Counter(
        fault.detail["verdict"]
        for fault in run(config)[1].faults
        if fault.device_id in bricks
    )
    found = sum((Counter(v) for n, v in by_device.items() if n in bricks), Counter())
    anonymous = ("missing_device_id",)
    for verdict, number in expected.items():
        if verdict not in anonymous:
            assert found[verdict] == number, verdict
    assert len(expected) >= 7


def test_replays_arrive_late_with_an_old_created_at():
    created = [m.created_at.timestamp() for m in run(only("replay"))[0]]
    behind = np.maximum.accumulate(created) - created
    assert behind.max() > 3600


def test_late_messages_say_so():
    late = [
        m
        for m in run(only("late"))[0]
        if m.created_at - m.timestamp > timedelta(0, 300)
    ]
    assert len(late) == len(run(only("late"))[1].faults)


def test_unknown_names_are_refused_in_a_sentence():
    with pytest.raises(ValueError, match="Unknown fault dipp"):
        FactoryConfig(faults={"dipp"})
    with pytest.raises(ValueError, match="no device SAU-LN-99"):
        FactoryConfig(devices={"SAU-LN-99"})


# Truth


@pytest.mark.parametrize(
    "config",
    [
        FactoryConfig(),
        FULL,
        full_factory(lines=2, days=3, seed=11, interval_seconds=600.0),
        full_factory(lines=1, days=3, seed=12, fast_share=0.5),
        full_factory(
            lines=1,
            days=3,
            seed=13,
            timezone="Europe/Berlin",
            first_day=date(2025, 10, 25),
        ),
    ],
    ids=["small", "full", "slow messages", "fast messages", "clocks change"],
)
def test_a_faithful_reader_finds_exactly_the_recoverable_pieces(config):
    messages, truth = run(config)
    _, rows = reader.read(messages)
    for device in counters(config):
        steps = counted(config, rows, device)
        name = device.device_id
        assert sum(step[2] for step in steps) == truth.total(name), name
        assert sum(step[3] for step in steps) == truth.total(name, "recoverable_scrap")


def test_hours_agree_within_the_steps_that_cross_their_borders():
    messages, truth = run(FULL)
    _, rows = reader.read(messages)
    for device in counters(FULL):
        found, slack = defaultdict(int), defaultdict(int)
        for _, at, pieces, _, seconds in counted(FULL, rows, device):
            hour = at.replace(minute=0, second=0, microsecond=0)
            found[hour] += pieces
            since = at - timedelta(seconds=seconds)
            while since < hour:
                slack[hour] += pieces
                hour -= timedelta(hours=1)
                slack[hour] += pieces
        for hour, pieces in truth.hourly(device.device_id).items():
            assert abs(found[hour] - pieces) <= slack[hour], (device.device_id, hour)


def test_no_minute_reveals_more_than_was_made():
    for day in run(FULL)[1]:
        for minutes in day.minutes.values():
            assert (minutes.recoverable >= 0).all()
            assert (minutes.recoverable <= minutes.made).all()
            assert (minutes.recoverable_scrap <= minutes.scrap).all()
            assert (minutes.scrap <= minutes.made + 1).all()


def test_most_of_what_was_made_can_be_recovered():
    _, truth = run(FULL)
    made = sum(truth.total(name, "made") for name in truth.devices)
    assert 0.95 * made < sum(truth.total(name) for name in truth.devices) < made


def test_states_fill_the_time_without_overlap():
    _, truth = run(FULL)
    for name in truth.devices:
        states = [state for state in truth.states if state.device_id == name]
        assert all(a.end == b.start for a, b in pairwise(states))
        assert states[-1].end - states[0].start == timedelta(days=FULL.days)


def test_nothing_is_made_while_a_machine_stands():
    config = FactoryConfig(faults=frozenset({"breakdown"}), rates={"breakdown": 1.0})
    _, truth = run(config)
    seen = set()
    for state in truth.states:
        for day in truth:
            minutes = day.minutes[state.device_id]
            first = math.ceil((state.start - minutes.start).total_seconds() / 60)
            last = math.floor((state.end - minutes.start).total_seconds() / 60)
            pieces = minutes.made[max(first, 0) : max(last, 0)]
            if state.state in ("stopped", "planned_stop"):
                assert pieces.sum() == 0
        seen.add(state.state)
    assert {"running", "stopped", "starved", "blocked", "planned_stop"} <= seen


def test_bricks_are_lost_along_the_line_never_found():
    config = FULL
    day = plant_day(date(2025, 11, 11), config.timezone)
    curves = line_day(config, "DC-01", day)
    made = defaultdict(float)
    for device in counters(config):
        made[device.stage.name] += curves[device.device_id].made[-1]
    # Buffers and what is under way may shift some hundred pieces over midnight.
    for before, after in pairwise(config.stages):
        assert made[after.name] < made[before.name] + before.buffer_pieces + 500


def test_machines_stay_below_what_they_can_do():
    for device in counters(FULL):
        minutes = run(FULL)[1][1].minutes[device.device_id]
        assert minutes.made.max() <= math.ceil(device.stage.max_per_hour / 60)


def test_brick_types_change_where_the_plan_says():
    config = full_factory(lines=2, days=9, faults=frozenset())
    plan = [entry for day in tell(config) for entry in day.plan]
    assert {"brick_type", "changeover", "planned_stop"} == {p.entry for p in plan}
    for line in ("DC-01", "DC-02"):
        types = [p for p in plan if p.line == line and p.entry == "brick_type"]
        assert all(a.end == b.start for a, b in pairwise(types))


def test_truth_files_say_the_same(tmp_path):
    with TruthWriter(tmp_path) as writer:
        for _ in blocks(CLEAN, writer):
            pass
    with gzip.open(tmp_path / "minutes.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    total = sum(int(r["recoverable"]) for r in rows if r["device_id"] == "SAU-LN-01")
    assert total == run(CLEAN)[1].total("SAU-LN-01")
    assert {path.name.split(".")[0] for path in tmp_path.iterdir()} == {
        "minutes",
        "states",
        "faults",
        "labels",
        "plan",
    }


# The rest


def test_devices_grow_with_lines():
    config = full_factory(lines=3, days=1)
    names = [device.device_id for device in all_devices(config)]
    assert len(names) == len(set(names)) == 39
    assert [row["device_id"] for row in registry(config)] == names
    moduli = {r["counter_modulus"] for r in registry(config) if r["counter_modulus"]}
    assert moduli == {9999}
    assert sum(row["sensor_type"] == BRICKS for row in registry(config)) == 24


def test_times_are_written_as_numpy_writes_them():
    ms = np.array([0, 1, 951_782_400_000, 1_763_000_000_123, 4_102_444_799_999])
    expected = np.datetime_as_string(ms.astype("M8[ms]"), timezone="UTC")
    assert iso_text(ms).tolist() == expected.tolist()


def test_copy_writes_every_message_in_order_of_arrival(cluster):
    config = FactoryConfig(days=1, faults=None, rates={"double_encoded": 0.02})
    expected = list(simulate(config))
    calls = []
    table = ('odd "name', "Messages")
    quoted = '"odd ""name"."Messages"'
    with closing(psycopg2.connect(**cluster.superuser_dsn())) as connection:
        cursor = connection.cursor()
        cursor.execute('create schema "odd ""name"')
        cursor.execute(
            f"create table {quoted} (id bigint generated always as identity, "
            'device_id text, sensor_type text, "timestamp" timestamptz, data jsonb, '
            "metadata jsonb, created_at timestamptz)"
        )
        written = load(connection, table, lambda *n: calls.append(n), config)
        cursor.execute(
            'select device_id, sensor_type, "timestamp", data::text, created_at '
            f"from {quoted} order by id"
        )
        rows = cursor.fetchall()
        connection.rollback()
        cursor.execute("select to_regclass(%s)", (quoted,))
        assert cursor.fetchone() == (None,), "load must not commit"
    assert written == len(rows) == len(expected)
    assert calls[-1] == (written, written)
    for row, message in zip(rows, expected, strict=True):
        assert row[:3] == message[:3]
        assert json.loads(row[3]) == json.loads(message.data)
        assert row[4] == message.created_at
