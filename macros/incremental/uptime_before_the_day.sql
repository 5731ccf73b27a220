{#- The uptime a device last told in the half hour before a day; further back nothing is looked
    for, because most devices never tell one. -#}
{% macro uptime_before_the_day(day='days') -%}
    {%- set day_starts_at = local_moment(day ~ '.production_date', day_start()) -%}
    (
        select before.uptime_seconds
        from (select * from {{ ref('stg_brick_counts') }}) as before
        where before.device_id = {{ day }}.device_id
            and before.event_at >= {{ day_starts_at }} - interval '30 minutes'
            and before.event_at < {{ day_starts_at }}
            and before.verdict in ('reading', 'health')
            and before.uptime_seconds is not null
        order by before.event_at desc, before.measurement_id desc
        limit 1
    )
{%- endmacro %}
