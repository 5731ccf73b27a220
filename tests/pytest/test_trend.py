"""The trend in SQL is scipy's Theil-Sen slope and the textbook's Mann-Kendall test."""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg2.extras import execute_values
from scipy.stats import kendalltau, norm, theilslopes

QUERY = (
    "select number, trend.* from trend_cases"
    " cross join lateral {{ trend('times', 'vals', 'span') }} as trend order by number"
)


@pytest.fixture(scope="module")
def trends(project):
    """A function from (times, values, span) triples to (trend, slope, p) triples."""
    done = project.dbt("compile", "--inline", QUERY)
    query = done.result[0].node.compiled_code

    def compute(cases: list) -> list[tuple]:
        rows = [
            (number, list(map(_plain, times)), list(map(_plain, values)), span)
            for number, (times, values, span) in enumerate(cases)
        ]
        with project._connect() as connection, connection.cursor() as cursor:
            cursor.execute(
                "create temporary table trend_cases (number int,"
                " times double precision[], vals double precision[],"
                " span double precision)"
            )
            execute_values(
                cursor,
                "insert into trend_cases values %s",
                rows,
                "(%s, %s::double precision[], %s::double precision[], %s)",
            )
            cursor.execute(query)
            return [row[1:] for row in cursor.fetchall()]

    return compute


def _plain(value: float | None) -> float | None:
    return None if value is None else float(value)


def mann_kendall(values: list[float]) -> float:
    """Mann 1945, Kendall 1975: two-sided, continuity and ties corrected."""
    n = len(values)
    s = sum(np.sign(b - a) for a, b in combinations(values, 2))
    tied = sum(t * (t - 1) * (2 * t + 5) for t in Counter(values).values())
    variance = (n * (n - 1) * (2 * n + 5) - tied) / 18
    if variance == 0:
        return 1.0
    return float(2 * norm.sf(max(abs(s) - 1, 0) / math.sqrt(variance)))


def random_cases() -> list[tuple]:
    random = np.random.default_rng(7)
    cases = []
    for n in (8, 9, 12, 24, 48):
        for drift in (0, 0.02, -0.3):
            times = np.sort(random.choice(200, n, replace=False)) / 12
            values = 20 + drift * times + random.normal(0, 0.4, n)
            cases.append((times, values, float(times[-1] - times[0])))
            cases.append((times, np.round(values), float(times[-1] - times[0])))
    return cases


def test_slopes_are_scipys_and_p_values_the_textbooks(trends):
    cases = random_cases()
    for (times, values, _), (_, slope, p_value) in zip(
        cases, trends(cases), strict=True
    ):
        assert slope == pytest.approx(theilslopes(values, times).slope, abs=1e-12)
        assert p_value == pytest.approx(mann_kendall(list(values)), rel=2e-7)


def test_a_tested_direction_is_kendalls_correlation_with_time(trends):
    """The same statistic, without the continuity correction: its sign and its size."""
    cases = [case for case in random_cases() if np.ptp(case[1]) > 0]
    for (times, values, _), (trend, slope, p_value) in zip(
        cases, trends(cases), strict=True
    ):
        tau, p_of_tau = kendalltau(times, values, method="asymptotic")
        assert p_value >= p_of_tau - 1e-9
        if trend != "stable":
            assert np.sign(slope) == np.sign(tau)
            assert trend == ("increasing" if tau > 0 else "decreasing")


HOURS = list(range(12))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (range(12), "increasing"),
        (range(12, 0, -1), "decreasing"),
        ([5] * 12, "stable"),
        ([1000 + h for h in HOURS], "stable"),  # certain, and too small to matter
        ([1000 + 4.4 * h for h in HOURS], "increasing"),
        ([1, 9] * 6, "stable"),  # large, and chance
        (range(7), "unknown"),
        ([*range(7), None, None], "unknown"),  # what was not measured is no point
        ([*range(8), None], "increasing"),
        ([], "unknown"),
    ],
)
def test_a_direction_needs_points_certainty_and_size(trends, values, expected):
    values = list(values)
    [(trend, slope, p_value)] = trends([(HOURS[: len(values)], values, 12)])
    assert trend == expected
    assert (slope is None) == (p_value is None) == (expected == "unknown")


def test_all_values_equal_is_no_trend(trends):
    assert trends([(HOURS, [3.3] * 12, 12)]) == [("stable", 0.0, 1.0)]


@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(
    st.lists(st.integers(-50, 50), min_size=8, max_size=40),
    st.randoms(use_true_random=False),
)
def test_the_order_of_the_points_changes_nothing(trends, values, random):
    points = list(enumerate(values))
    shuffled = random.sample(points, len(points))
    in_order, in_disorder = trends(
        [(*zip(*some, strict=True), len(points)) for some in (points, shuffled)]
    )
    assert in_order == in_disorder
    assert in_order[1] == pytest.approx(theilslopes(values).slope)
    assert in_order[2] == pytest.approx(mann_kendall(values), rel=2e-7)
