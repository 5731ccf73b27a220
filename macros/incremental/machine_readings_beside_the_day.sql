{#- Of every metric the last two machine readings before a day, whose time may reach into
    it, and the next one after it, as a SELECT. -#}
{% macro machine_readings_beside_the_day(day) -%}
    (
        select beside.*
        from (select * from {{ ref('machine_metrics') }}) as metrics
        cross join lateral {{ readings_beside_the_day(
            'int_machine_readings', day,
            'metric = metrics.metric and sensor_type = ' ~ day ~ '.sensor_type'
        ) }} as beside
    )
{%- endmacro %}


{#- The same as one text. -#}
{% macro machine_values_beside_the_day() -%}
    (
        select string_agg(
            concat_ws(
                ' ', metric, extract(epoch from event_at),
                extract(epoch from holds_until), value, is_running
            ),
            ',' order by metric, event_at
        )
        from {{ machine_readings_beside_the_day('days') }} as beside
    )
{%- endmacro %}
