{#- The uptime a device last told before a day. -#}
{% macro uptime_before_the_day(day='days') -%}
    (
        select before.uptime_seconds
        from (select * from {{ ref('stg_brick_counts') }}) as before
        where before.device_id = {{ day }}.device_id
            and before.event_at < {{ local_moment(day ~ '.production_date', day_start()) }}
            and before.verdict in ('reading', 'health')
            and before.uptime_seconds is not null
        order by before.event_at desc, before.measurement_id desc
        limit 1
    )
{%- endmacro %}
