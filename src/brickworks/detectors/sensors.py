"""Runs the rules for measured values over the readings of a device."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from brickworks.detectors.devices import Judge, Limits
from brickworks.detectors.joint import METRICS, Machine, joint, level_shift
from brickworks.detectors.novelty import STATISTICS, novelty, records
from brickworks.detectors.points import Scores, as_microseconds
from brickworks.detectors.series import Array, Series, settled
from brickworks.detectors.values import drift, spike, stuck, threshold

MACHINE_DAYS, MOISTURE_DAYS = 7, 14
"""Production days before a day that show what is usual. Models read one more: whether a
gap lies before a reading is told by the hours before it."""
HIDES_NONE = 0.0
"""Moisture has no records: faults that repeat would hide each other."""

Key = tuple[str, str]
Records = Mapping[int, Mapping[str, float]]


def judge_moisture(rows: pd.DataFrame, limits: Limits) -> Iterator[Scores]:
    """Judge one probe by all rules for moisture.

    Args:
        rows: its readings, ordered by time: event_at, production_date, is_due,
            hour_of_week, moisture, and low and high, its band.
        limits: the thresholds of the device.

    Yields:
        The scores of threshold, spike, stuck and drift; moisture as a fraction.
    """
    if rows.empty:
        return
    series = _series(rows, "moisture", "%", rows["moisture"].to_numpy(dtype=float))
    band = _limit(rows["low"], -np.inf), _limit(rows["high"], np.inf)
    yield threshold(series, low=band[0], high=band[1])
    yield from _values(series, limits, *band, days=MOISTURE_DAYS, records=HIDES_NONE)


def machine_judge(found_records: pd.DataFrame, usual_values: pd.DataFrame) -> Judge:
    """Return the judge of machines that knows their records and what is usual.

    Args:
        found_records: the records of the 28 days before each judged day: sensor_type,
            device_id, production_date, metric, smallest_, largest_ and count_ of the
            three statistics of `brickworks.detectors.novelty`, and day_count.
        usual_values: what is usual: sensor_type, device_id, production_date, metric,
            hour_of_week, usual_value.

    Returns:
        A function of one machine's readings, ordered by time (event_at, sensor_type,
        device_id, production_date, is_due, hour_of_week, metric, unit, value,
        is_running, high, its limit, and clears, what ends an alarm), and of its limits.
        It gives the scores of threshold, spike, stuck, drift and novelty for each
        metric, and of joint and level_shift where there are three.
    """
    names = [f"{what}_{name}" for name in STATISTICS for what in RECORD_PARTS]
    names += ["day_count"]
    known: dict[tuple[str, str, str], Records] = {
        key: dict(
            zip(
                _days(of_metric["production_date"]).tolist(),
                of_metric[names].astype(float).to_dict("records"),
                strict=True,
            )
        )
        for key, of_metric in found_records.groupby(
            ["sensor_type", "device_id", "metric"]
        )
    }
    usual_of = _by_machine(usual_values)

    def judge(rows: pd.DataFrame, limits: Limits) -> Iterator[Scores]:
        if rows.empty:
            return
        machine = tuple(rows[name].iloc[0] for name in ("sensor_type", "device_id"))
        metrics = []
        for series, usual, running, high, clears in _metrics(
            rows, usual_of(machine), limits
        ):
            metrics.append(series)
            yield threshold(
                running,
                low=-np.inf,
                high=high,
                clears=clears,
                hold_seconds=limits["threshold_holds"],
            )
            yield from _values(
                series,
                limits,
                -np.inf,
                high,
                days=MACHINE_DAYS,
                records=limits["machine_records"],
            )
            before = known.get((*machine, series.metric), {})
            yield novelty(series, usual, before, tolerance=limits["novelty_tolerance"])
        if len(metrics) >= METRICS:
            together = Machine(metrics)
            yield joint(
                together,
                limit=limits["joint"],
                clears=limits["joint_clears"],
                hold_seconds=limits["joint_holds"],
                days=MACHINE_DAYS,
            )
            yield level_shift(together, limit=limits["level_shift"], days=MACHINE_DAYS)

    return judge


RECORD_PARTS = ("smallest", "largest", "count")


def find_records(
    rows: Any,  # noqa: ANN401
    usual_values: pd.DataFrame,
    thresholds: pd.DataFrame,
) -> Iterator[pd.DataFrame]:
    """Find what each machine's metrics showed at most on the days that are due.

    Args:
        rows: relation of the readings of these days and of the day before them, as
            `machine_judge` has them.
        usual_values: what is usual, as of `machine_judge`.
        thresholds: device_thresholds: device_id, metric, low, high.

    Yields:
        One frame per machine: a row per metric and day with smallest_, largest_ and
        count_ of the three statistics.
    """
    grace = thresholds[thresholds["metric"] == GRACE]
    seconds = dict(zip(grace["device_id"], grace["high"].astype(float), strict=True))
    usual_of = _by_machine(usual_values)
    for of_machine in rows.groups(["sensor_type", "device_id"], order_by="event_at"):
        key = {name: of_machine[name].iloc[0] for name in ("sensor_type", "device_id")}
        limits = {GRACE: seconds[key["device_id"]]}
        found = [
            {"metric": series.metric, "production_date": day} | numbers
            for series, usual, *_ in _metrics(
                of_machine, usual_of(tuple(key.values())), limits
            )
            for day, numbers in records(series, usual).items()
        ]
        if found:
            yield pd.DataFrame(found).assign(
                **key,
                production_date=lambda frame: (
                    pd.to_datetime(frame["production_date"], unit="D").dt.date
                ),
            )


GRACE = "grace_after_start"


AT_THE_HOUR = ["production_date", "metric", "hour_of_week"]


def _by_machine(usual_values: pd.DataFrame) -> Callable[[Key], pd.DataFrame]:
    """Return a function of sensor type and device that gives the machine's own."""
    columns = [*AT_THE_HOUR, "usual_value"]
    known = {
        key: of_machine[columns]
        for key, of_machine in usual_values.groupby(["sensor_type", "device_id"])
    }
    nothing = usual_values.head(0)[columns]
    return lambda machine: known.get(machine, nothing)


def _metrics(
    rows: pd.DataFrame, usual_values: pd.DataFrame, limits: Limits
) -> Iterator[tuple[Series, Array, Series, float, float]]:
    """Each metric while the machine runs settled, what is usual, and its limits.

    The third is the metric while the machine runs at all.
    """
    values = rows["value"].to_numpy(dtype=float)
    is_running = rows["is_running"].to_numpy(dtype=bool)
    known = rows[AT_THE_HOUR].merge(usual_values, how="left", on=AT_THE_HOUR)
    usual = known["usual_value"].to_numpy(dtype=float)
    times = as_microseconds(rows["event_at"])
    days, hours = _days(rows["production_date"]), _whole(rows["hour_of_week"])
    is_due = rows["is_due"].to_numpy(dtype=bool)
    codes, names = pd.factorize(rows["metric"], sort=True)
    for code, metric in enumerate(names):
        index = np.flatnonzero(codes == code)
        unit = rows["unit"].iloc[index[0]]
        whole = Series(
            metric,
            unit if isinstance(unit, str) and unit != AS_SENT else "",
            *(part[index] for part in (times, values, days, hours, is_due)),
        )
        runs = is_running[index]
        kept = settled(whole.at, runs, limits[GRACE])
        high, clears = (
            _limit(rows[name].iloc[index], np.inf) if name in rows else np.inf
            for name in ("high", "clears")
        )
        running = whole.only(runs)
        yield whole.only(kept), usual[index][kept], running, high, min(high, clears)


AS_SENT = "as sent"


def _values(
    series: Series,
    limits: Limits,
    low: float,
    high: float,
    *,
    days: int,
    records: float,
) -> Iterable[Scores]:
    """Apply the rules that both kinds of sensors have, but for the threshold."""
    common = {
        "days": days,
        "least": int(limits["baseline_readings"]),
        "records": records,
    }
    share = limits["smallest_deviation_share"]
    yield spike(
        series,
        deviations=limits["spike_deviations"],
        smallest_share=share,
        **common,
    )
    yield stuck(
        series,
        readings=limits["stuck_readings"],
        chance=limits["stuck_chance"],
        **common,
    )
    yield drift(
        series,
        low=low,
        high=high,
        deviations=limits["drift_standard_deviations"],
        smallest_share=share,
        **common,
    )


def _series(
    rows: pd.DataFrame, metric: str, unit: str, values: NDArray[np.float64]
) -> Series:
    return Series(
        metric,
        unit,
        as_microseconds(rows["event_at"]),
        values,
        _days(rows["production_date"]),
        _whole(rows["hour_of_week"]),
        rows["is_due"].to_numpy(dtype=bool),
    )


def _days(dates: pd.Series) -> NDArray[np.int64]:
    """Return dates as days since 1970."""
    codes, known = pd.factorize(dates)
    return np.array(list(known), dtype="datetime64[D]").astype(np.int64)[codes]


def _whole(numbers: pd.Series) -> NDArray[np.int64]:
    return numbers.to_numpy(dtype=np.int64)


def _limit(limits: Sequence | pd.Series, none: float) -> float:
    """The last limit there is, or `none`."""
    known = pd.Series(limits).dropna()
    return float(known.iloc[-1]) if len(known) else none
