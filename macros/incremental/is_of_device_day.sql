{#- True for the staged messages of one device-day; names the raw columns so that the
    index of the raw table on (device_id, timestamp) serves it. -#}
{% macro is_of_device_day(day) -%}
    (
        raw_device_id = any({{ day }}.raw_device_ids)
        or (raw_device_id is null and {{ day }}.device_id = '(missing)')
    )
    and measured_at between {{ day }}.first_measured_at and {{ day }}.last_measured_at
    and sensor_type = {{ day }}.sensor_type
    and device_id = {{ day }}.device_id
    and production_date = {{ day }}.production_date
{%- endmacro %}
