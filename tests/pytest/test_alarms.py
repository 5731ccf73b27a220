"""Alarms people can trust: what is found, and what stays quiet. It takes minutes."""

from datetime import date

import pytest

from brickworks.backtest import report, run, simulated
from brickworks.settings import project_root
from brickworks.simulator import FactoryConfig, simulate

pytestmark = pytest.mark.slow

SEEDS = (1, 2, 3)
SHIFTS_PER_ALARM = 5


def test_injected_faults_are_found_at_the_floors(tmp_path):
    root = project_root()
    found = {}
    for seed in SEEDS:
        folder = tmp_path / str(seed)
        config = simulated.config_of(8, seed=seed, lines=1)
        simulated.write(folder, config, root / "seeds")
        found[str(seed)] = run.detect(root, folder)
    made = report.make(run.together(found))
    below = {each.name: each.value for each in made.metrics if not each.meets_floor}
    assert not {name for name in below if name in report.TARGETS}, below


def test_fourteen_days_without_faults_are_quiet(project):
    days = 14
    config = FactoryConfig(
        days=days, first_day=date(2025, 11, 10), faults=frozenset(), seed=5
    )
    project.insert(list(simulate(config)))
    project.dbt("seed")
    project.dbt("run")
    alarms = project.sql(
        "select device_id, count(*), string_agg(explanation, '; ' order by started_at)"
        " from analytics.anomaly_episodes"
        " where suppressed_by is null and severity <> 'info' group by device_id"
    )
    assert [row for row in alarms if row[1] > days * 2 / SHIFTS_PER_ALARM] == []
