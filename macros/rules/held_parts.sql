{#- Readings cut at the borders of the day's periods, as a SELECT: one row per reading and
    period that it lies in or holds into. Its time is held while its value lasts, and
    silent from then to the next reading; both exact to the millisecond, so that hours
    add up to shifts and days. Reads the day's `periods`. None is written as `0.000`: of
    equal numbers an aggregate takes the one it meets first, digits and all. -#}
{% macro held_parts(readings) -%}
    select
        periods.grain,
        periods.start_time,
        periods.end_time,
        readings.*,
        greatest({{ seconds_between(
            'greatest(event_at, start_time)', 'least(holds_until, end_time)'
        ) }}, 0.000) as held_seconds,
        greatest({{ seconds_between(
            'greatest(holds_until, start_time)',
            'least(coalesce(next_reading_at, holds_until), end_time)'
        ) }}, 0.000) as silent_seconds,
        event_at >= start_time as is_own
    from {{ readings }} as readings
    inner join periods
        on event_at < end_time
        and (
            event_at >= start_time
            or coalesce(next_reading_at, holds_until) > start_time
        )
{%- endmacro %}
