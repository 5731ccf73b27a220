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
