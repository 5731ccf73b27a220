"""The rules that hold a device against its own usual, over minute steps.

Real counts of one product vary less than Poisson's: limits made of it are too wide. So
rates are held against the spread they had; errors, which are counts of rare events,
against the exact binomial tail.
"""

import numpy as np
from scipy import special, stats

from brickworks.detectors import explain
from brickworks.detectors.brick_absolute import scrap_of_the_window, wilson
from brickworks.detectors.brick_steps import HOUR, Steps, faded
from brickworks.detectors.points import Scores

SMALLEST_CHANCE = 1e-300
"""Smaller chances are taken as this one, so that their logarithm exists."""


def slow_down(steps: Steps) -> Scores:
    """The pace of late is well below the usual.

    Pace: pieces ÷ seconds of the running steps of the last hour, the older the lighter
    (an exponentially weighted mean with an end).
    """
    limits, usual = steps.limits, steps.usual.rate
    limit, half_life = limits["slow_down"], limits["slow_down_half_life"]
    pace = steps.nothing()
    for of_type in steps.by_type(steps.is_running):
        both = np.vstack([steps.pieces[of_type], steps.seconds[of_type]])
        pieces, seconds = faded(
            steps.at[of_type], both, half_life, limits["slow_down_reach"]
        )
        pace[of_type] = pieces * HOUR / seconds
    return Scores(
        detector="slow_down",
        metric="run_rate",
        at=steps.at,
        observed=pace,
        expected=usual,
        lower=limit * usual,
        upper=np.nan,
        strength=limit * usual / pace,
        tell=lambda i: explain.slow_down(pace[i], usual[i], 2 * half_life),
        is_judged=steps.is_settled(),
    )


def surge(steps: Steps) -> Scores:
    """All steps of the last two minutes are far above the usual rate."""
    limits, usual = steps.limits, steps.usual
    limit, hold = limits["surge"], limits["surge_hold"]
    slowest, _ = steps.held(steps.rate, hold)
    deviations = (slowest - usual.rate) / usual.sd
    upper = np.maximum(
        limit * usual.rate, usual.rate + limits["surge_deviations"] * usual.sd
    )
    return Scores(
        detector="surge",
        metric="step_rate",
        at=steps.at,
        observed=slowest,
        expected=usual.rate,
        lower=np.nan,
        upper=upper,
        strength=np.minimum(
            slowest / (limit * usual.rate),
            np.maximum(deviations, 0.0) / limits["surge_deviations"],
        ),
        tell=lambda i: explain.surge(slowest[i], usual.rate[i], deviations[i], hold),
        is_judged=steps.is_settled(hold),
    )


def error_burst(steps: Steps) -> Scores:
    """More scrap in the last hour than chance makes of the usual share.

    The chance of as many bad pieces or more is the binomial tail, exactly: against it,
    normal limits alarm fifty times as often. The usual share is that of the seven days
    before that hour, drawn a little towards more while there are few pieces.
    """
    limits = steps.limits
    pieces, errors = scrap_of_the_window(steps)
    share = errors / np.maximum(pieces, 1.0)
    usual = np.clip((steps.usual_errors + 1) / (steps.usual_pieces + 50), 1e-4, 0.5)
    is_known = steps.usual_pieces >= limits["error_burst_usual_pieces"]
    is_more = is_known & (pieces >= limits["error_burst_pieces"]) & (share > usual)
    strength = np.where(is_known, 0.0, np.nan)
    n, k, p = pieces[is_more], errors[is_more], usual[is_more]
    chance = np.maximum(special.betainc(k, n - k + 1, p), SMALLEST_CHANCE)
    strength[is_more] = np.log(chance) / np.log(limits["error_burst"])
    upper, flagged = steps.nothing(), np.flatnonzero(strength >= 1)
    most = stats.binom.isf(limits["error_burst"], pieces[flagged], usual[flagged])
    upper[flagged] = most / pieces[flagged]
    between = wilson(errors, pieces)
    return Scores(
        detector="error_burst",
        metric="error_rate",
        at=steps.at,
        observed=share,
        expected=usual,
        lower=np.nan,
        upper=upper,
        strength=strength,
        tell=lambda i: explain.error_burst(
            errors[i],
            pieces[i],
            usual[i],
            (between[0][i], between[1][i]),
            limits["error_window"],
        ),
        is_judged=steps.is_running & ~np.isnan(steps.errors),
    )
