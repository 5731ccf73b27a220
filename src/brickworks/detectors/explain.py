"""Numbers in words, for the people who get the alarm."""

import math
from collections.abc import Sequence


def duration(seconds: float) -> str:
    """Say a duration in the two largest units that matter: `2 h 5 min`, `11 min`."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min"
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def percent(share: float, digits: int = 1) -> str:
    """Say a share of 0..1: `12.3 %`."""
    return f"{100 * share:.{digits}f} %"


def stoppage(stopped_seconds: float, limit_seconds: float) -> str:
    """Explain a stop; both in seconds."""
    return (
        f"no piece for {duration(stopped_seconds)} in planned time, "
        f"{stopped_seconds / limit_seconds:.1f} times the limit of "
        f"{duration(limit_seconds)}"
    )


def high_error_rate(
    errors: float, pieces: float, lowest: float, limit: float, seconds: float
) -> str:
    """Explain a share of scrap above its limit; lowest: of the 95 % interval, 0..1."""
    return (
        f"{_bad(errors, pieces, seconds)} ({percent(errors / pieces)}; not below "
        f"{percent(lowest)} with 95 % confidence, limit {percent(limit)})"
    )


def low_efficiency(
    speed: float, ideal: float, usual: float, limit: float, seconds: float
) -> str:
    """Explain a slow time of running, in pieces per hour; ideal may be NaN: unknown."""
    of_ideal = f"{percent(speed / ideal, 0)} of the ideal {ideal:.0f}, "
    return (
        f"making {speed:.0f} pieces/h in the last {duration(seconds)} of running "
        f"({'' if math.isnan(ideal) else of_ideal}{percent(speed / usual, 0)} of the "
        f"usual {usual:.0f}); expected at least {limit:.0f}"
    )


def sudden_change(now: float, then: float, hold: float, before: float) -> str:
    """Explain a shift of the run rate, in pieces per hour, over seconds."""
    change = f"{100 * (now / then - 1):+.0f}"
    return (
        f"making {now:.0f} pieces/h for {duration(hold)}, "
        f"{then:.0f} in the {duration(before)} before: {change} %"
    )


def statistical(
    rate: float, mean: float, sd: float, deviations: float, steps: int, seconds: float
) -> str:
    """Explain step rates in pieces per hour, of the last seconds.

    Args:
        rate: the last one.
        mean: of the running steps before.
        sd: of the same.
        deviations: those of the weakest of the last seconds; negative below the mean.
        steps: number of steps before.
        seconds: how long all of them have been off.
    """
    side = "above" if deviations > 0 else "below"
    return (
        f"making {rate:.0f} pieces/h, usual {mean:.0f} ± {sd:.0f} over {steps} running "
        f"steps: at least {abs(deviations):.1f} standard deviations {side} for "
        f"{duration(seconds)}"
    )


def slow_down(pace: float, usual: float, seconds: float) -> str:
    """Explain a slow pace, in pieces per hour, which about the last seconds made."""
    return (
        f"making {pace:.0f} pieces/h for the last {duration(seconds)}, "
        f"{percent(pace / usual, 0)} of the usual {usual:.0f}"
    )


def surge(rate: float, usual: float, deviations: float, seconds: float) -> str:
    """Explain a fast rate, in pieces per hour, of the last seconds."""
    return (
        f"making at least {rate:.0f} pieces/h for {duration(seconds)}, "
        f"{percent(rate / usual, 0)} of the usual {usual:.0f} "
        f"and {deviations:.1f} standard deviations above it"
    )


def error_burst(
    errors: float,
    pieces: float,
    usual: float,
    between: tuple[float, float],
    seconds: float,
) -> str:
    """Explain scrap beyond chance; usual share and 95 % interval in 0..1."""
    return (
        f"{_bad(errors, pieces, seconds)} ({percent(errors / pieces)}, "
        f"usually {percent(usual)}; with 95 % confidence {percent(between[0])} to "
        f"{percent(between[1])})"
    )


def _bad(errors: float, pieces: float, seconds: float) -> str:
    """Say how many were bad: `38 bad of 310 pieces in the last hour`."""
    window = "hour" if seconds == 3600 else duration(seconds)
    return f"{errors:.0f} bad of {pieces:.0f} pieces in the last {window}"


def threshold(
    metric: str, value: float, low: float, high: float, unit: str = ""
) -> str:
    """Explain a value outside its limits, or not yet well inside, in its unit."""
    if low <= value <= high:
        return (
            f"{metric} {_number(value, unit)}: still too close to its limit of "
            f"{_number(high, unit)} to end the alarm"
        )
    side, limit = ("above", high) if value > high else ("below", low)
    return (
        f"{metric} {_number(value, unit)}: {side} its limit of {_number(limit, unit)}, "
        f"for two readings or longer"
    )


def spike(
    metric: str, value: float, median: float, times: float, unit: str = ""
) -> str:
    """Explain a jump; times is how many usual deviations it is."""
    return (
        f"{metric} jumped to {_number(value, unit)} from {_number(median, unit)}, "
        f"{_times(times)} its usual movement"
    )


def stuck(
    metric: str, value: float, readings: int, share: float, unit: str = ""
) -> str:
    """Explain a value that rests; share is how often it does usually, 0..1."""
    return (
        f"{metric} is {_number(value, unit)} for {readings} readings in a row; "
        f"usually {share:.0%} of them repeat the one before"
    )


def drift(
    metric: str,
    level: float,
    usual: float,
    deviations: float,
    hours_to_limit: float | None,
    unit: str = "",
) -> str:
    """Explain a level that moved away; hours_to_limit is None where it meets none."""
    said = (
        f"{metric} averages {_number(level, unit)} over the hour, "
        f"usual at this time of the day {_number(usual, unit)}: "
        f"{_times(deviations, 'the usual scatter')}"
    )
    if hours_to_limit is None:
        return said
    if hours_to_limit > LONG_HOURS:
        return f"{said}; its limit is more than {LONG_HOURS} h away"
    return (
        f"{said}; at this pace it meets its limit in {duration(3600 * hours_to_limit)}"
    )


def novelty(
    metric: str,
    what: str,
    value: float,
    usual: float,
    low: float,
    high: float,
    strength: float,
    hour_of_week: int,
    days: int,
    unit: str = "",
) -> str:
    """Explain what was not seen before.

    Args:
        metric: the metric.
        what: `unusual` for the hour of the week, `level` or `movement`.
        value: the statistic, in the metric's unit.
        usual: what is usual at this hour of the week.
        low: the smallest so far.
        high: the largest so far.
        strength: how many times the tolerance it is beyond.
        hour_of_week: 0 is Monday 0 h.
        days: how many days were seen before this one, at most 28.
        unit: the metric's unit.
    """
    seen = f"{days}-day range" if days > 1 else "range so far"
    span = f"{seen} {low:.4g} to {high:.4g}"
    beyond = _times(strength, "the tolerance")
    if what == "unusual":
        when = f"{WEEKDAYS[hour_of_week // 24]} {hour_of_week % 24} h"
        return (
            f"{metric} {_number(value, unit)}: unusual for {when} "
            f"(usual {usual:.4g}, {span}), {beyond}"
        )
    if what == "level":
        return (
            f"{metric} {_number(value, unit)} over the hour: "
            f"a level never seen ({span}), {beyond}"
        )
    return (
        f"{metric} moves by {_number(value, unit)} from reading to reading: "
        f"never so restless ({seen} up to {high:.4g}), {beyond}"
    )


Strangest = Sequence[tuple[str, float, str, float]]
"""Metric, its value, its unit, and how many times its usual furthest it is away."""


def joint(strangest: Strangest, statistic: float) -> str:
    """Explain metrics that do not fit together; statistic 1 is the usual furthest."""
    return (
        f"the metrics do not fit together as they used to: {_names(strangest)}; "
        f"all together {_times(statistic, 'the furthest of the reference')}"
    )


def level_shift(strangest: Strangest, statistic: float) -> str:
    """Explain a sudden change of several metrics."""
    return (
        f"the metrics changed their level: {_names(strangest)}; "
        f"all together {_times(statistic, 'the largest change of the reference')}"
    )


WEEKDAYS = (
    *("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
)
LONG_HOURS = 48


def _names(strangest: Strangest) -> str:
    return " and ".join(
        f"{metric} {_number(value, unit)} ({_times(share, 'its usual range')})"
        for metric, value, unit, share in strangest
        if not math.isnan(share)
    )


def _number(value: float, unit: str) -> str:
    """Say a number with its unit: `8.1 A`; a share in percent: 0.162 is `16.2 %`."""
    if unit == "%":
        return f"{100 * value:.3g} %"
    return f"{value:.4g} {unit}".strip()


def _times(number: float, what: str = "") -> str:
    """Say how many times: `5.9 times`; beyond a thousand nobody counts."""
    said = "over 1000 times" if number > 1000 else f"{number:.1f} times"
    return f"{said} {what}".strip()
