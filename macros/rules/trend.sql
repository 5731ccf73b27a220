{#- Whether values rise or fall over time, as a SELECT of one row (trend, slope, p_value)
    for a lateral join: Theil-Sen's median of the slopes of all pairs, and Mann-Kendall's
    test on their signs. A direction needs both: a trend that chance does not make, and a
    change that matters. Var `trend_rule` has the borders. -#}
{% macro trend(times, values, span, least_points=none) -%}
{%- set rule = var('trend_rule') -%}
    (
        with points as (
            select point.at, point.value
            from unnest({{ times }}, {{ values }}) as point (at, value)
            where num_nulls(point.at, point.value) = 0
        ),

        pairs as (
            select
                percentile_cont(0.5) within group (
                    order by (later.value - earlier.value) / (later.at - earlier.at)
                ) as slope,
                sum(sign(later.value - earlier.value)) as signs
            from points as earlier
            inner join points as later on earlier.at < later.at
        ),

        -- Equal values make chance less able to give a large sum of signs.
        ties as (
            select
                sum(alike) as point_count,
                sum(alike * total) / sum(alike) as mean,
                sum(alike * (alike - 1) * (2 * alike + 5)) as tied
            from (
                select value as total, count(*) as alike
                from points
                group by value
                order by value
            ) as groups
        ),

        judged as (
            select
                slope,
                mean,
                -- Less one for continuity; all values equal is no trend at all.
                {{ two_sided_p(
                    "coalesce((abs(signs) - 1) / nullif(sqrt((point_count"
                    ~ " * (point_count - 1) * (2 * point_count + 5) - tied)"
                    ~ "::double precision / 18), 0), 0)"
                ) }} as p_value
            from pairs
            cross join ties
            where point_count >= {{ least_points or rule['least_points'] }}
        )

        select
            coalesce(max(case
                when p_value >= {{ rule['p_value'] }}
                    or abs(slope * {{ span }}) < {{ rule['least_change'] }} * abs(mean)
                    then 'stable'
                when slope > 0 then 'increasing'
                when slope < 0 then 'decreasing'
                else 'stable'
            end), 'unknown') as trend,
            max(slope) as slope,
            max(p_value) as p_value
        from judged
    )
{%- endmacro %}
