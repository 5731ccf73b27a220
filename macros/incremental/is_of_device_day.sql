{#- True for the staged messages of one device-day. Names the raw columns, one way to
    miss a value at a time, so that the index of the raw table on (device_id, timestamp)
    serves each of them. -#}
{% macro is_of_device_day(day) -%}
    (
        (
            raw_device_id = any({{ day }}.raw_device_ids)
            and measured_at between {{ day }}.first_measured_at
            and {{ day }}.last_measured_at
        )
        or (raw_device_id = any({{ day }}.raw_device_ids) and measured_at is null)
        or (raw_device_id is null and {{ day }}.device_id = '(missing)')
    )
    and sensor_type = {{ day }}.sensor_type
    and device_id = {{ day }}.device_id
    and production_date = {{ day }}.production_date
{%- endmacro %}
