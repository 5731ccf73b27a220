{#- When a spike is over: the next reading within the look-ahead that is not above what
    the machine can have made, if it has not fallen below the base level. -#}
{% macro spike_end(start, device) -%}
    (
        select case when later.count >= {{ start }}.base_count then later.event_at end
        from {{ reads('stg_brick_counts', device) }} as later
        where later.verdict = 'reading'
            and later.event_at > {{ start }}.event_at
            and later.event_at <= {{ start }}.event_at + interval {{ literal(var('look_ahead')) }}
            and later.count - {{ start }}.base_count <= {{ counter_cap(
                device ~ '.max_rate_per_hour',
                seconds_between(start ~ '.base_at', 'later.event_at')
            ) }}
        order by later.event_at
        limit 1
    )
{%- endmacro %}
