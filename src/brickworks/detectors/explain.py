"""Numbers in words, for the people who get the alarm."""


def duration(seconds: float) -> str:
    """Say a duration in the two largest units that matter: `2 h 5 min`, `11 min`."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min"
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def stoppage(stopped_seconds: float, limit_seconds: float) -> str:
    """Explain a stop; both in seconds."""
    return (
        f"no piece for {duration(stopped_seconds)}, "
        f"{stopped_seconds / limit_seconds:.1f} times the limit of "
        f"{duration(limit_seconds)}"
    )


def statistical(rate: float, mean: float, sd: float, z: float, steps: int) -> str:
    """Explain a step rate; rates in pieces per hour."""
    side = "above" if z > 0 else "below"
    return (
        f"{rate:.0f} pieces/h, usual {mean:.0f} ± {sd:.0f} over {steps} running steps: "
        f"{abs(z):.1f} standard deviations {side}"
    )


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
