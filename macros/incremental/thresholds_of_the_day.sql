{#- The fingerprint of all thresholds that hold for the day's device. -#}
{% macro thresholds_of_the_day() -%}
    (
        select held.fingerprint
        from (select * from {{ ref('device_thresholds') }}) as held
        where held.device_id = days.device_id and held.sensor_type = days.sensor_type
        limit 1
    )
{%- endmacro %}
