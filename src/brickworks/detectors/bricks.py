"""All rules about the pieces and errors of one brick counter."""

from collections.abc import Iterator

import pandas as pd

from brickworks.detectors.brick_absolute import (
    high_error_rate,
    low_efficiency,
    statistical,
    stoppage,
    sudden_change,
)
from brickworks.detectors.brick_relative import error_burst, slow_down, surge
from brickworks.detectors.brick_steps import Limits, Steps
from brickworks.detectors.points import Scores

RULES = (
    *(stoppage, high_error_rate, low_efficiency, sudden_change, statistical),
    *(slow_down, surge, error_burst),
)


def bricks(rows: pd.DataFrame, limits: Limits) -> Iterator[Scores]:
    """Judge one device's minute steps by every rule.

    No rule reaches back further than a day and ten minutes of steps; what is usual of
    errors comes with the steps.

    Args:
        rows: The steps in order of time, as `Steps.of` takes them.
        limits: Metric → threshold.
    """
    steps = Steps.of(rows, limits)
    return (rule(steps) for rule in RULES)
