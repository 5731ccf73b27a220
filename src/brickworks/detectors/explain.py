"""Numbers in words, for the people who get the alarm."""

import math


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


def threshold(metric: str, value: float, low: float, high: float) -> str:
    """Explain a value outside its limits, in the metric's unit."""
    side, limit = ("above", high) if value > high else ("below", low)
    return f"{metric} {value:.4g} is {side} its limit of {limit:.4g}"


def spike(metric: str, value: float, median: float, usual: float) -> str:
    """Explain a jump, in the metric's unit."""
    return (
        f"{metric} jumped to {value:.4g} from {median:.4g}, "
        f"{abs(value - median) / usual:.0f} times its usual movement"
    )


def stuck(metric: str, value: float, readings: int, share: float) -> str:
    """Explain a value that rests; share is how often it does usually, 0..1."""
    return (
        f"{metric} was {value:.4g} for {readings} readings in a row; "
        f"usually {share:.0%} of them repeat the one before"
    )


def drift(metric: str, level: float, median: float, sd: float) -> str:
    """Explain a level that moved away, in the metric's unit."""
    return (
        f"{metric} averaged {level:.4g} over the hour, {median:.4g} the day before: "
        f"{abs(level - median) / sd:.1f} standard deviations"
    )


def novelty(metric: str, value: float, usual: float, view: str) -> str:
    """Explain what was not seen before; usual is the median of the last 60."""
    words = {
        "value": "further from its level than any of the last day",
        "level": "at a level the last day never had",
        "movement": "moving as the last day never did",
    }
    return f"{metric} {value:.4g}, {usual:.4g} before: {words[view]}"


def sensor_dead(silent_seconds: float, limit_seconds: float) -> str:
    """Explain a silence; both in seconds."""
    return (
        f"no reading for {duration(silent_seconds)}, "
        f"{silent_seconds / limit_seconds:.1f} times the limit of "
        f"{duration(limit_seconds)}"
    )
