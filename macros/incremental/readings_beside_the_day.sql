{#- The last two readings before a device-day and the first after it, as a SELECT; of those
    for which a condition holds, where a model has several series of one device. -#}
{% macro readings_beside_the_day(model, day, condition='true') -%}
    (
        (
            select * from (select * from {{ ref(model) }}) as before
            where before.device_id = {{ day }}.device_id
                and before.event_at < {{ local_moment(
                    day ~ '.production_date', day_start()
                ) }}
                and {{ condition }}
            order by before.event_at desc
            limit 2
        )
        union all
        (
            select * from (select * from {{ ref(model) }}) as after
            where after.device_id = {{ day }}.device_id
                and after.event_at >= {{ local_moment(
                    '(' ~ day ~ '.production_date + 1)', day_start()
                ) }}
                and {{ condition }}
            order by after.event_at
            limit 1
        )
    )
{%- endmacro %}
