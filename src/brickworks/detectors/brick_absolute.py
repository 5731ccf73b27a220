"""The five rules with fixed limits, over minute steps.

They are those of the plant's first system, corrected: each tells how far beyond its
limit a step is, and none alarms of single steps, or of a pace that is usual.
"""

import numpy as np

from brickworks.detectors import explain
from brickworks.detectors.brick_steps import HOUR, Steps
from brickworks.detectors.points import Scores
from brickworks.detectors.windows import SECOND, Array, rolling, window_sum

Z_95 = 1.959963984540054
"""Half the width of a 95 % interval, in standard deviations."""
FASTEST = 100_000
"""Pieces per hour that no brick counter reaches: sums of squares stay in 64 bits."""


def stoppage(steps: Steps) -> Scores:
    """No piece for too long in planned, observed time; in seconds."""
    limit, stopped = steps.limits["stoppage"], steps.stopped
    return Scores(
        detector="stoppage",
        metric="stopped_seconds",
        at=steps.at,
        observed=stopped,
        expected=0.0,
        lower=np.nan,
        upper=limit,
        strength=stopped / limit,
        tell=lambda i: explain.stoppage(stopped[i], limit),
        is_judged=~np.isnan(steps.pieces) & (steps.planned_seconds < steps.seconds),
    )


def scrap_of_the_window(steps: Steps) -> tuple[Array, Array]:
    """Pieces and scrap of the last `error_window` seconds, where both are known."""
    is_known = ~np.isnan(steps.pieces) & ~np.isnan(steps.errors)
    pieces, errors = (
        window_sum(
            steps.at, np.where(is_known, values, 0.0), steps.limits["error_window"]
        )
        for values in (steps.pieces, steps.errors)
    )
    return pieces, np.minimum(errors, pieces)


def wilson(errors: Array, pieces: Array) -> tuple[Array, Array]:
    """Return the 95 % interval of a share, 0..1, after Wilson (1927).

    Args:
        errors: n counts.
        pieces: n counts that these are of; without a piece the interval is 0..1.
    """
    n = np.maximum(pieces, 1e-9)
    share, z2 = errors / n, Z_95 * Z_95
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 * np.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)


def high_error_rate(steps: Steps) -> Scores:
    """Too much scrap in the last hour, beyond what chance could make of less.

    The lower end of the 95 % interval of the share is above the limit, and there are
    more than a handful of bad pieces.
    """
    limit, least = steps.limits["scrap_rate"], steps.limits["scrap_rate_errors"]
    pieces, errors = scrap_of_the_window(steps)
    lowest, _ = wilson(errors, pieces)
    share = errors / np.maximum(pieces, 1.0)
    return Scores(
        detector="high_error_rate",
        metric="error_rate",
        at=steps.at,
        observed=share,
        expected=steps.usual_errors / np.maximum(steps.usual_pieces, 1.0),
        lower=np.nan,
        upper=limit,
        strength=np.where(errors >= least, lowest / limit, 0.0),
        tell=lambda i: explain.high_error_rate(
            errors[i], pieces[i], lowest[i], limit, steps.limits["error_window"]
        ),
        is_judged=steps.is_running & ~np.isnan(steps.errors),
    )


def low_efficiency(steps: Steps) -> Scores:
    """Too slow over the last half hour of running, and slower than usual.

    Run speed is pieces ÷ running seconds. Running are the steps with a piece, and
    those without one in which at the limit none was due: twice the time of a piece. A
    stage that never runs faster, for that is the line's pace, must not alarm all day:
    it has to be well below its own usual rate, too.
    """
    limits, usual = steps.limits, steps.usual.rate
    share = limits["low_efficiency"]
    limit = np.where(
        np.isnan(steps.ideal), limits["low_efficiency_rate"], share * steps.ideal
    )
    is_waiting = steps.is_idle & (steps.planned_seconds == 0)
    is_waiting &= steps.stopped * limit <= 2 * HOUR
    speed, need = steps.nothing(), round(limits["low_efficiency_running"] * 1000)
    within = round(limits["low_efficiency_within"] * SECOND)
    for of_type in steps.by_type(steps.is_running | is_waiting):
        lengths = np.rint(steps.seconds[of_type] * 1000).astype(np.int64)
        time = np.concatenate([[0], np.cumsum(lengths)])
        made = np.rint(steps.pieces[of_type]).astype(np.int64)
        made = np.concatenate([[0], np.cumsum(made)])
        first = np.searchsorted(time, time[1:] - need, side="right") - 1
        at = steps.at[of_type]
        is_enough = (first >= 0) & (at - at[first] <= within)
        ran = np.where(is_enough, time[1:] - time[first], 1)
        found = (made[1:] - made[first]) * HOUR * 1000 / ran
        speed[of_type] = np.where(is_enough, found, np.nan)
    limit = np.minimum(limit, limits["low_efficiency_usual"] * usual)
    return Scores(
        detector="low_efficiency",
        metric="run_speed",
        at=steps.at,
        observed=speed,
        expected=usual,
        lower=limit,
        upper=np.nan,
        strength=limit / np.maximum(speed, 1.0),
        tell=lambda i: explain.low_efficiency(
            speed[i], steps.ideal[i], usual[i], limit[i], need / 1000
        ),
        is_judged=steps.is_running,
    )


def sudden_change(steps: Steps) -> Scores:
    """The level of the run rate shifts by half within minutes.

    The median of the last five minutes against that of the half hour before, both
    running and of one brick type. Back to the usual is no alarm: the new level must be
    off the usual rate, too, by a quarter of it.
    """
    limits = steps.limits
    hold, before = limits["sudden_change_hold"], limits["sudden_change_before"]
    now, then = steps.nothing(), steps.nothing()
    for of_type in steps.by_type(steps.is_running):
        at, rate = steps.at[of_type], steps.rate[of_type]
        level = rolling(at, rate, hold).median().to_numpy()
        earlier = rolling(at, rate, before).median().to_numpy()
        ran = window_sum(at, np.rint(steps.seconds[of_type] * 1000), before) / 1000
        last = np.searchsorted(at, at - round(hold * SECOND), side="right") - 1
        is_whole = (last >= 0) & (at - at[last] <= 2 * round(hold * SECOND))
        is_whole &= 2 * ran[last] >= before
        now[of_type] = level
        then[of_type] = np.where(is_whole, earlier[last], np.nan)
    shift = np.abs(now / then - 1) / limits["sudden_change"]
    off = np.abs(now / steps.usual.rate - 1) / limits["sudden_change_usual"]
    return Scores(
        detector="sudden_change",
        metric="run_rate",
        at=steps.at,
        observed=now,
        expected=then,
        lower=then * (1 - limits["sudden_change"]),
        upper=then * (1 + limits["sudden_change"]),
        strength=np.where(off < 1, 0.0 * shift, shift),
        tell=lambda i: explain.sudden_change(now[i], then[i], hold, before),
        is_judged=steps.is_settled(hold),
    )


def statistical(steps: Steps) -> Scores:
    """Step rates unlike those of the trailing day, all of the last five minutes.

    Shewhart's individuals chart with a trailing baseline that excludes the point: with
    the point inside a sample of n, |z| never exceeds (n - 1)/√n, so that three sigma
    cannot fire on ten values. Single steps beyond are no alarm, however rare in theory:
    a step is as strong as the weakest of those that end in the last five minutes.
    """
    limits = steps.limits
    limit, hold = limits["statistical_z_score"], limits["statistical_hold"]
    mean, sd, count = _trailing_mean(steps)
    z = (steps.rate - mean) / sd
    low, high = steps.held(z, hold)
    least = np.maximum(np.maximum(low, -high), np.where(np.isnan(z), np.nan, 0.0))
    return Scores(
        detector="statistical",
        metric="step_rate",
        at=steps.at,
        observed=steps.rate,
        expected=mean,
        lower=np.maximum(mean - limit * sd, 0),
        upper=mean + limit * sd,
        strength=least / limit,
        tell=lambda i: explain.statistical(
            steps.rate[i],
            mean[i],
            sd[i],
            np.copysign(least[i], z[i]),
            int(count[i]),
            hold,
        ),
        is_judged=steps.is_settled(hold),
    )


def _trailing_mean(steps: Steps) -> tuple[Array, Array, Array]:
    """Mean, standard deviation and number of the running steps before each.

    Rates count as whole pieces per hour: differences of running totals are then the
    window's own sums, exactly.
    """
    limits = steps.limits
    mean, sd, count = steps.nothing(), steps.nothing(), steps.nothing()
    seconds = limits["statistical_baseline_hours"] * HOUR
    for of_type in steps.by_type(steps.is_usual):
        at = steps.at[of_type]
        rates = np.rint(np.minimum(steps.rate[of_type], FASTEST)).astype(np.int64)
        first = np.searchsorted(at, at - round(seconds * SECOND), side="left")
        sums = np.concatenate([[0], np.cumsum(rates)])
        squares = np.concatenate([[0], np.cumsum(rates**2)])
        end = np.arange(len(at))
        n, total = end - first, sums[end] - sums[first]
        spread = n * (squares[end] - squares[first]) - total * total
        is_enough = n >= limits["statistical_baseline_steps"]
        size = np.where(is_enough, n, 2)
        unready = np.where(is_enough, 0.0, np.nan)
        mean[of_type] = total / size + unready
        sd[of_type] = np.sqrt(np.maximum(spread, 0) / (size * (size - 1.0))) + unready
        count[of_type] = n
    sd = np.maximum(sd, limits["statistical_smallest_sd"])
    return mean, np.maximum(sd, limits["usual_rate_smallest_sd"] * mean), count
