"""The benchmark still runs, and what it compares is the same. No time is asserted."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        from bench.__main__ import main

        folder = tmp_path_factory.mktemp("bench")
        done = CliRunner().invoke(
            main, ["20000", "--devices", "8", "--quick", "--output", str(folder)]
        )
        for name in [name for name in sys.modules if name.split(".")[0] == "bench"]:
            del sys.modules[name]
    assert done.exit_code == 0, done.exception
    content = json.loads((folder / "report.json").read_text())
    return content["sizes"][0], (folder / "report.md").read_text()


def test_every_way_finds_the_same_counter_events(report):
    size, _ = report
    assert set(size["agreement"]) == {"row_by_row", "pandas", "duckdb"}
    for found in size["agreement"].values():
        compared, differing, largest, bricks, of_the_peer = found["events"]
        assert compared > 8 * 3  # devices, and some kinds of events
        assert differing == largest == 0
        assert bricks == of_the_peer > 0


def test_every_way_counts_the_same_bricks(report):
    size, _ = report
    for found in size["agreement"].values():
        assert set(found) == {"events", "hours", "shifts", "days"}
        for _, _, largest, bricks, of_the_peer in found.values():
            assert bricks == of_the_peer
            # No more than what a step over a border holds.
            assert largest < bricks / 100


def test_every_way_reads_the_same_messages(report):
    size, _ = report
    rows = {key: result["rows"] for key, result in size["results"].items()}
    # Without the few that name no device.
    assert rows["pandas"] == rows["duckdb"] == rows["row_by_row"]
    assert 0.99 * size["messages"] < rows["pandas"] <= size["messages"]


def test_one_more_hour_is_an_hour(report):
    size, _ = report
    assert 0 < size["results"]["hour_arrivals"]["rows"] < size["messages"] / 24


def test_one_more_hour_writes_less_than_a_build(report):
    size, _ = report
    written = {key: result["rows_written"] for key, result in size["results"].items()}
    assert written["simulate"] >= size["messages"]
    # Of three days, one is written anew: all its rows are deleted and inserted.
    assert 0 < written["hour_arrivals"] < written["build"]


def test_client_and_server_are_measured_apart(report):
    size, _ = report
    for key in ("build", "row_by_row", "pandas", "duckdb"):
        result = size["results"][key]
        assert result["client_seconds"] > 0, key
        assert result["server_seconds"] > 0, key
        assert result["client_mib"] > 10, key


def test_the_report_explains_statements_and_holds_targets(report):
    _, text = report
    assert "Buffers: shared hit=" in text
    assert "peak memory of dbt" in text
