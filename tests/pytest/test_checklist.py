"""The page that maps the first program's features names only what there is."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml
from test_shape import ROOT, Manifest, manifest  # noqa: F401

PAGE = ROOT / "docs" / "checklist.md"
ROW = re.compile(r"^\| ([A-Z]\d\d(?:(?:, | to )[A-Z]\d\d)*) \|", re.M)
SEED_ROWS = {"A": 15, "B": 10, "C": 14, "D": 12, "E": 9, "U": 46}
"""How many rows each group of the first program's checklist has."""

VALUES = {"unknown_sensor_type", "is_anomaly", "statistical_baseline_hours"}
"""Names that are no node: values of a column, a metric, a column of several marts."""


@pytest.fixture(scope="module")
def names(manifest: Manifest) -> set[str]:  # noqa: F811
    """Everything that may be named: nodes, columns, macros, vars, tests, files."""
    nodes = [*manifest["nodes"].values(), *manifest["sources"].values()]
    found = {node["name"] for node in nodes}
    found |= {f"{n['name']}.{column}" for n in nodes for column in n["columns"]}
    found |= {test["name"] for test in manifest["unit_tests"].values()}
    found |= {macro["name"] for macro in manifest["macros"].values()}
    found |= set(yaml.safe_load((ROOT / "dbt_project.yml").read_text())["vars"])
    for path in Path(__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text())
        found |= {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
        found.add(f"tests/pytest/{path.name}")
    found |= {path.name for path in (ROOT / "src" / "brickworks").glob("*.py")}
    return found | {"README.md"} | VALUES


def _named(page: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", page))


def _ids(page: str) -> list[str]:
    ids = []
    for row in ROW.findall(page):
        for part in row.split(", "):
            first, _, last = part.partition(" to ")
            numbers = range(int(first[1:]), int((last or first)[1:]) + 1)
            ids += [f"{first[0]}{number:02}" for number in numbers]
    return ids


def test_everything_the_page_names_exists(names: set[str]):
    assert _named(PAGE.read_text()) - names == set()


def test_a_name_that_is_gone_is_noticed(names: set[str]):
    assert "brick_production_stats.oee" in names
    assert _named("see `brick_production_stats.ooe`") - names != set()


def test_every_row_is_on_the_page_once():
    expected = [
        f"{group}{number:02}"
        for group, count in SEED_ROWS.items()
        for number in range(1, count + 1)
    ]
    assert sorted(_ids(PAGE.read_text())) == sorted([*expected, "G01"])


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE.read_text()):
        assert (PAGE.parent / target).exists(), target


def test_the_statistics_have_each_column_of_the_first_program(manifest: Manifest):  # noqa: F811
    columns = [
        "device_id", "production_line", "position", "brick_type", "start_time",
        "end_time", "total_count", "count_increment", "error_count", "error_rate",
        "avg_speed", "peak_speed", "downtime_seconds", "count_mean", "count_std",
        "count_min", "count_max", "is_anomaly", "anomaly_score", "anomaly_reason",
        "data_quality_score", "metadata", "created_at", "updated_at",
    ]  # fmt: skip
    stats = manifest["nodes"]["model.brickworks.brick_production_stats"]
    assert set(columns) - set(stats["columns"]) == set()
