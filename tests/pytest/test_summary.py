"""The summary adds up what the marts say, and counts no brick twice."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from brickworks import summary

LINES = [
    # line, date, shift, start, stage, bricks
    ("DC-02", "2025-11-17", "day", "06", "before_boxing", 0),
    ("DC-01", "2025-11-17", "day", "06", "before_boxing", 100),
    ("DC-01", "2025-11-17", "night", "18", "after_press", 40),
]
EPISODES = [
    # device, rule, start, severity, suppressed by, explanation
    ("P-1", "stoppage", "2025-11-17 07:00+07", "warning", None, "P-1 stopped"),
    ("P-2", "stoppage", "2025-11-17 08:00+07", "critical", None, "P-2 stopped"),
    ("P-1", "surge", "2025-11-17 09:00+07", "info", None, "P-1 hurried"),
    ("P-1", "stoppage", "2025-11-17 10:00+07", "warning", "starved", "P-1 waited"),
]
MOISTURE = [
    # date, shift, start, device, average, time in range, samples, alert
    *(
        (f"2025-11-{day}", "day", "06", "AM-1", 0.15, 1, 9, "normal")
        for day in (13, 14)
    ),
    ("2025-11-15", "day", "06", "AM-1", 0.1512, 0.8754, 9, "warning"),
    ("2025-11-16", "day", "06", "AM-1", 0.2, 0, 9, "critical"),
    ("2025-11-17", "day", "06", "AM-1", 0.16, None, 1, "unknown"),
    # Its silence is told elsewhere.
    ("2025-11-18", "day", "06", "AM-1", None, None, 0, "unknown"),
]
MACHINES = [
    # date, shift, start, device, uptime, health, status, reason, readings
    ("2025-11-17", "day", "06", "FAN-1", 95.53, 61.2, "degraded", "too hot", 720),
    ("2025-11-17", "day", "06", "KILN-1", None, None, None, None, 3),
    ("2025-11-17", "night", "18", "FAN-1", None, None, None, None, 0),
]


@pytest.fixture
def marts(superuser):
    """Hand-made marts in a schema of their own, rolled back after the test."""
    with superuser.cursor() as cursor:
        cursor.execute("create schema hand_made")
        cursor.execute(
            "create table hand_made.line_production (production_line text,"
            " production_date date, shift_name text, start_time timestamptz,"
            " stage text, count_increment bigint)"
        )
        for line, date, shift, hour, *rest in LINES:
            cursor.execute(
                "insert into hand_made.line_production values (%s, %s, %s, %s, %s, %s)",
                (line, date, shift, f"{date} {hour}:00+07", *rest),
            )
        cursor.execute(
            "create table hand_made.anomaly_episodes (device_id text, rule text,"
            " started_at timestamptz, severity text, suppressed_by text,"
            " explanation text, metric text)"
        )
        cursor.execute(
            "create table hand_made.moisture_analysis_stats (production_date date,"
            " shift_name text, start_time timestamptz, device_id text,"
            " avg_moisture numeric, time_in_range_ratio numeric, sample_count int,"
            " alert_level text)"
        )
        cursor.execute(
            "create table hand_made.machine_monitoring_stats (production_date date,"
            " shift_name text, start_time timestamptz, device_id text,"
            " uptime_percentage numeric, health_score numeric, status text,"
            " maintenance_reason text, reading_count int)"
        )
        for episode in EPISODES:
            cursor.execute(
                "insert into hand_made.anomaly_episodes"
                " values (%s, %s, %s, %s, %s, %s)",
                episode,
            )
        for table, cases in (
            ("moisture_analysis_stats", MOISTURE),
            ("machine_monitoring_stats", MACHINES),
        ):
            for date, shift, hour, *rest in cases:
                places = ", ".join(["%s"] * (3 + len(rest)))
                cursor.execute(
                    f"insert into hand_made.{table} values ({places})",
                    (date, shift, f"{date} {hour}:00+07", *rest),
                )
        cursor.execute(
            "create table hand_made.device_days (sensor_type text, message_count int,"
            " reading_count int, health_count int, duplicate_count int,"
            " rejected_count int)"
        )
        cursor.execute(
            "insert into hand_made.device_days values"
            " ('brick_counter', 1000, 990, 5, 3, 2),"
            " ('brick_counter', 10, 10, 0, 0, 0), ('moisture', 7, 7, 0, 0, 0)"
        )
        cursor.execute(
            "create table hand_made.rejected_measurements as select * from (values"
            " ('missing_count'), ('missing_count'), ('bad_timestamp')) as r (reason)"
        )
    superuser.commit()
    yield superuser
    with superuser.cursor() as cursor:
        cursor.execute("drop schema hand_made cascade")
    superuser.commit()


def text(content: summary.Summary) -> str:
    output = io.StringIO()
    summary.show(content, Console(file=output, width=100))
    return output.getvalue()


def test_bricks_are_those_of_the_lines_newest_first(marts):
    found = summary.read(marts, "hand_made")
    assert [(b.line, b.shift, b.stage, b.bricks) for b in found.bricks] == [
        ("DC-01", "night", "after_press", 40),
        ("DC-02", "day", "before_boxing", 0),
        ("DC-01", "day", "before_boxing", 100),
    ]


def test_alarms_are_what_nothing_explains_newest_first(marts):
    found = summary.read(marts, "hand_made")
    assert found.alarms == ["P-2 stopped", "P-1 stopped"]
    assert found.explained == 1
    page = text(found)
    assert "1 more are explained by" in page
    assert "hurried" not in page


def test_messages_are_summed_by_sensor_type(marts):
    found = summary.read(marts, "hand_made")
    assert found.messages == [
        summary.Messages("brick_counter", 1010, 1000, 5, 3, 2),
        summary.Messages("moisture", 7, 7, 0, 0, 0),
    ]
    assert found.rejected == [("missing_count", 2), ("bad_timestamp", 1)]
    assert "this is a bug" not in text(found)


def test_moisture_is_that_of_the_newest_shifts_with_readings(marts):
    found = summary.read(marts, "hand_made")
    assert [
        (m.date, m.device, m.average, m.in_range, m.alert_level) for m in found.moisture
    ] == [
        ("2025-11-17", "AM-1", "16.0", "-", "unknown"),
        ("2025-11-16", "AM-1", "20.0", "0.0", "critical"),
        ("2025-11-15", "AM-1", "15.1", "87.5", "warning"),
        ("2025-11-14", "AM-1", "15.0", "100.0", "normal"),
    ]


def test_a_number_is_rounded_as_the_database_rounds_it(marts):
    with marts.cursor() as cursor:
        cursor.execute(
            "update hand_made.moisture_analysis_stats set avg_moisture = 0.1525"
        )
    marts.commit()
    found = summary.read(marts, "hand_made")
    assert {m.average for m in found.moisture} == {"15.3"}


def test_a_machine_tells_its_uptime_health_and_why(marts):
    found = summary.read(marts, "hand_made")
    assert [
        (m.device, m.uptime, m.health, m.status, m.reason) for m in found.machines
    ] == [
        ("KILN-1", "-", "-", "-", "-"),
        ("FAN-1", "95.5", "61.2", "degraded", "too hot"),
    ]


def test_a_lost_message_is_told(marts):
    with marts.cursor() as cursor:
        cursor.execute(
            "update hand_made.device_days set message_count = 12"
            " where sensor_type = 'moisture'"
        )
    marts.commit()
    assert "5 rows are not accounted for" in text(summary.read(marts, "hand_made"))


def test_the_page_reads_well_without_a_terminal(marts):
    found = summary.read(marts, "hand_made")
    where = "/a/very/long/path" * 10
    found.places.append(("docs", where))
    page = text(found)
    assert "\x1b" not in page
    assert where in page
    for words in (
        *("rows in", "1,017", "missing_count 2", "before_boxing", "stopped"),
        *("AM-1", "87.5", "warning", "FAN-1", "61.2", "degraded", "too hot"),
    ):
        assert words in page


HOSTILE = "[/] [red]:skull:\x1b[2J\n\u202eX"
SHOWN = r"[/] [red]:skull:\x1b[2J\n\u202eX"


def test_everything_from_the_database_is_shown_as_text(marts):
    """Whatever column holds markup, or commands to the terminal."""
    with marts.cursor() as cursor:
        cursor.execute(
            "select format('update hand_made.%I set %I = %%s', table_name, column_name)"
            " from information_schema.columns"
            " where table_schema = 'hand_made' and data_type = 'text'"
        )
        statements = [statement for (statement,) in cursor.fetchall()]
        for statement in statements:
            cursor.execute(statement, [HOSTILE])
    marts.commit()
    found = summary.read(marts, "hand_made")
    output = io.StringIO()
    summary.show(found, Console(file=output, width=400, force_terminal=True))
    page = re.sub(r"\x1b\[[0-9;]*m", "", output.getvalue())
    assert "\x1b" not in page and "\u202e" not in page
    assert f"Rejected for: {SHOWN} 3." in page
    for title in ("Messages", "Bricks", "Moisture", "Machines", "Alarms"):
        assert SHOWN in page.split(f"\n{title}")[-1].split("\n\n")[0], title


def test_an_empty_factory_is_no_error(marts):
    with marts.cursor() as cursor:
        cursor.execute(
            "truncate hand_made.anomaly_episodes, hand_made.device_days,"
            " hand_made.line_production,"
            " hand_made.rejected_measurements, hand_made.moisture_analysis_stats,"
            " hand_made.machine_monitoring_stats"
        )
    marts.commit()
    page = text(summary.read(marts, "hand_made"))
    assert "No bricks were counted." in page
    assert "No moisture was measured." in page
    assert "No machine was heard of." in page
    assert "No alarms." in page
