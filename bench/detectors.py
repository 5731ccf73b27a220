"""`python -m bench.detectors`: rows per CPU second inside the rules.

Half a year of one device's minutes: the steps of a counter, and the readings of a
machine with three metrics and of a moisture probe. No database is asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from bench.scenarios import ROOT
from brickworks.detectors.bricks import bricks
from brickworks.detectors.sensors import judge_moisture, machine_judge

ROWS = 180 * 1440
METRICS = {"temperature": 60.0, "vibration": 3.0, "rpm": 900.0}
RECORDS = [
    *("sensor_type", "device_id", "production_date", "metric", "day_count"),
    *(
        f"{part}_{name}"
        for name in ("unusual", "level", "movement")
        for part in ("smallest", "largest", "count")
    ),
]
USUAL = [
    *("sensor_type", "device_id", "production_date"),
    *("metric", "hour_of_week", "usual_value"),
]


def main() -> None:
    """Measure each kind of device once and print a table."""
    limits = _limits()
    machine = machine_judge(pd.DataFrame(columns=RECORDS), pd.DataFrame(columns=USUAL))
    measured = {
        "brick steps": _measure(bricks, _steps(), limits),
        "machine readings": _measure(machine, _readings(METRICS), limits),
        "moisture readings": _measure(judge_moisture, _moisture(), limits),
    }
    table = Table("rows", "number", "CPU seconds", "rows per CPU second")
    for name, (rows, seconds) in measured.items():
        table.add_row(name, f"{rows:,}", f"{seconds:.2f}", f"{rows / seconds:,.0f}")
    Console().print(table)


def _measure(
    judge: Callable[[pd.DataFrame, Any], Iterable[Any]],
    rows: pd.DataFrame,
    limits: dict[str, float],
) -> tuple[int, float]:
    started = time.process_time()
    for scores in judge(rows, limits):
        scores.status()
    return len(rows), time.process_time() - started


def _limits() -> dict[str, float]:
    """The defaults of seed `thresholds`, the high one where there are two."""
    seed = pd.read_csv(ROOT / "seeds" / "thresholds.csv")
    limit = seed["high"].fillna(seed["low"])
    return dict(zip(seed["metric"], limit, strict=True))


def _moments() -> tuple[pd.DatetimeIndex, np.ndarray, np.ndarray]:
    at = pd.date_range("2026-01-01", periods=ROWS, freq="60s", tz="UTC")
    return at, at.date, (at.day_of_week * 24 + at.hour).to_numpy()


def _steps() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    at, dates, _ = _moments()
    pieces = np.where(rng.random(ROWS) < 0.05, 0, rng.poisson(15, ROWS))
    return pd.DataFrame(
        {
            "at": at,
            "starts_at": at - pd.Timedelta(seconds=60),
            "production_date": dates,
            "is_due": True,
            "seconds": 60.0,
            "pieces": pieces.astype(float),
            "errors": rng.poisson(0.1, ROWS).astype(float),
            "is_gap": False,
            "planned_seconds": 0.0,
            "ideal_rate_per_hour": 1000.0,
            "brick_type": "300x600",
            "usual_pieces": 100_000.0,
            "usual_errors": 700.0,
        }
    )


def _readings(metrics: dict[str, float]) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    at, dates, hours = _moments()
    parts = [
        pd.DataFrame(
            {
                "sensor_type": "machine_monitoring",
                "device_id": "FAN-1",
                "event_at": at,
                "production_date": dates,
                "is_due": True,
                "hour_of_week": hours,
                "metric": metric,
                "unit": None,
                "value": level * (1 + 0.02 * rng.standard_normal(ROWS)),
                "is_running": True,
                "high": np.inf,
            }
        )
        for metric, level in metrics.items()
    ]
    return pd.concat(parts).sort_values("event_at", kind="stable", ignore_index=True)


def _moisture() -> pd.DataFrame:
    rows = _readings({"moisture": 0.15}).rename(columns={"value": "moisture"})
    return rows.assign(low=0.1, high=0.2)


if __name__ == "__main__":
    main()
