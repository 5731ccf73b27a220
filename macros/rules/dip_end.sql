{#- When a dip is over: the first reading within the look-ahead of a drop that jumps back
    to at least the base level, by no more than the machine can have made meanwhile.
    A counter that merely counts its way up past the old level was reset. -#}
{% macro dip_end(start, device) -%}
    (
        select min(later.event_at)
        from (
            select
                event_at,
                count,
                count - lag(count) over series as pieces_back,
                {{ counter_cap(device ~ '.max_rate_per_hour', seconds_between(
                    'lag(event_at) over series', 'event_at'
                )) }} as cap
            from {{ reads('stg_brick_counts', device) }} as readings
            where verdict = 'reading'
                and event_at between {{ start }}.event_at
                and {{ start }}.event_at + interval {{ literal(var('look_ahead')) }}
            window series as (order by event_at)
        ) as later
        where later.pieces_back > later.cap
            and later.count >= {{ start }}.base_count
            and later.count - {{ start }}.base_count <= {{ counter_cap(
                device ~ '.max_rate_per_hour',
                seconds_between(start ~ '.base_at', 'later.event_at')
            ) }}
    )
{%- endmacro %}
