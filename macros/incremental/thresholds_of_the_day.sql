{#- The thresholds that hold for the day's device, as one text. -#}
{% macro thresholds_of_the_day() -%}
    (
        select string_agg(to_jsonb(held)::text, ',' order by held.metric)
        from (select * from {{ ref('device_thresholds') }}) as held
        where held.device_id = days.device_id and held.sensor_type = days.sensor_type
    )
{%- endmacro %}
