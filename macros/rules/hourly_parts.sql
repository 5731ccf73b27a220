{#- Steps cut at hour borders, as a SELECT. Most lie within an hour and stay as they are;
    of the others the seconds are cut exactly, and whole pieces and errors are shared
    out by largest remainder. -#}
{% macro hourly_parts(steps) -%}
    select
        step_hour_start as hour_start,
        seconds_since_level as seconds,
        count_increment as pieces,
        error_increment as errors,
        is_gap
    from {{ steps }}
    where event_at <= step_hour_start + interval '1 hour'
    union all
    select
        part_starts_at as hour_start,
        seconds,
        {{ largest_remainder('count_increment', 'seconds', 'step_seconds') }} as pieces,
        {{ largest_remainder('error_increment', 'seconds', 'step_seconds') }} as errors,
        is_gap
    from (
        select
            measurement_id as step_id,
            part_starts_at,
            count_increment,
            error_increment,
            seconds_since_level as step_seconds,
            {{ seconds_between(
                'greatest(part_starts_at, previous_level_at)',
                "least(part_starts_at + interval '1 hour', event_at)"
            ) }} as seconds,
            is_gap
        from {{ steps }}
        cross join lateral generate_series(
            step_hour_start, event_at - interval '1 microsecond', '1 hour'
        ) as part_starts_at
        where event_at > step_hour_start + interval '1 hour'
    ) as crossing_parts
{%- endmacro %}
