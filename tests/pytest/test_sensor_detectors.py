"""The rules for measured values: what they owe to the way a value is sent."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brickworks.detectors import series
from brickworks.detectors.sensors import detect

ABOUT = {"device_id": "KILN-1", "metric": "rpm"}
SPIKE = {"limit": 12, "smallest_share": 0.001}
DRIFT = {"low": -np.inf, "high": np.inf, "limit_sd": 4, "smallest_share": 0.001}
LIMITS = {
    "sensor_dead": 10_800,
    "spike_deviations": 12,
    "smallest_deviation_share": 0.001,
    "stuck_readings": 12,
    "stuck_chance": 1e-6,
    "drift_standard_deviations": 4,
    "drift_baseline_readings": 100,
    "novelty_tolerance": 0.5,
}


def minutes(n: int) -> pd.DatetimeIndex:
    return pd.date_range("2026-03-02", periods=n, freq="60s", tz="UTC")


def coarse(n: int = 2000) -> np.ndarray:
    """A speed of about 60, sent in whole revolutions: now and then it is 59."""
    values = np.where(np.random.default_rng(3).random(n) < 0.06, 59.0, 60.0)
    # Before its first step nobody knows how coarse it is.
    values[:4] = [60, 59, 60, 60]
    return values


def test_a_coarse_value_one_step_off_is_no_spike():
    points = series.spike(minutes(2000), coarse(), **SPIKE, **ABOUT)
    assert not points["is_flagged"].any()


def test_a_coarse_value_many_steps_off_is_a_spike():
    values = coarse()
    values[1500] = 60 - 12
    points = series.spike(minutes(2000), values, **SPIKE, **ABOUT)
    assert points.index[points["is_flagged"]].tolist() == [1500]


def test_a_coarse_value_that_rounds_down_more_often_does_not_drift():
    values = coarse()
    values[1500:1560:4] = 59
    points = series.drift(minutes(2000), values, **DRIFT, minimum_readings=100, **ABOUT)
    assert not points["is_flagged"].any()
    values[1500:1560] = 58
    points = series.drift(minutes(2000), values, **DRIFT, minimum_readings=100, **ABOUT)
    assert points["is_flagged"][1550:1570].all()


def test_what_is_history_alone_changes_no_judgment():
    at, values = minutes(2000), np.random.default_rng(4).normal(50, 1, 2000)
    values[1700:] += 5
    whole = series.drift(at, values, **DRIFT, minimum_readings=100, **ABOUT)
    late = series.drift(
        at, values, **DRIFT, minimum_readings=100, judged_from=at[1000], **ABOUT
    )
    assert whole["is_flagged"].any()
    pd.testing.assert_frame_equal(whole[1000:], late[1000:])


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=40))
def test_the_median_is_numpys_to_the_last_bit(values: list[float]):
    assert series._median(np.array(values)) == np.median(values)


class Relation:
    """What a lazy relation of dbt gives, of a frame."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame

    def groups(self, by: list[str], order_by: str) -> list[pd.DataFrame]:
        return [rows.sort_values(order_by) for _, rows in self.frame.groupby(by)]

    def df(self, columns: list[str]) -> pd.DataFrame:
        return self.frame[columns]


@pytest.fixture
def thresholds() -> Relation:
    rows = [
        {"device_id": "A", "metric": metric, "low": None, "high": high}
        for metric, high in LIMITS.items()
    ]
    return Relation(pd.DataFrame(rows))


def test_a_device_of_two_sensor_types_is_judged_as_two(thresholds: Relation):
    windows = pd.concat(
        pd.DataFrame(
            {
                "sensor_type": sensor_type,
                "device_id": "A",
                "judged_date": "2026-03-02",
                "production_date": "2026-03-02",
                "event_at": minutes(20),
                "metric": "temperature",
                "value": np.linspace(60, 61, 20) + hotter,
                "low": None,
                "high": 80.0,
                "is_judged": True,
            }
        )
        for sensor_type, hotter in (("machine_monitoring", 0), ("temperature", 30))
    )
    found = pd.concat(
        detect(
            Relation(windows),
            thresholds,
            ("threshold",),
            keys=("sensor_type", "device_id"),
        )
    )
    flagged = found[found["is_flagged"]]
    assert set(flagged["sensor_type"]) == {"temperature"}
    assert len(flagged) == 19
    assert set(found["sensor_type"]) == {"machine_monitoring", "temperature"}


def test_a_machine_that_stands_is_not_judged(thresholds: Relation):
    window = pd.DataFrame(
        {
            "device_id": "A",
            "judged_date": "2026-03-02",
            "production_date": "2026-03-02",
            "event_at": minutes(20),
            "metric": "temperature",
            "value": 90.0,
            "low": None,
            "high": 80.0,
            "is_judged": False,
        }
    )
    found = pd.concat(detect(Relation(window), thresholds, ("threshold",)))
    assert set(found["status"]) == {"not_running", "scored"}
    assert not found["is_flagged"].any()
