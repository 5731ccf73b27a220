{#- The staged messages of one device-day, for a lateral: by the index of the raw table on
    (device_id, timestamp), and those it would not find there by their ids. -#}
{% macro messages_of(messages, day) -%}
    {%- set starts_at = local_moment(day ~ '.production_date', day_start()) -%}
    {%- set ends_at = local_moment('(' ~ day ~ '.production_date + 1)', day_start()) -%}
    (
        {%- for condition in [
            'not is_odd and raw_device_id = any(' ~ day ~ '.raw_device_ids)'
            ~ ' and measured_at >= ' ~ starts_at ~ ' and measured_at < ' ~ ends_at
            ~ ' and filed_at >= ' ~ starts_at ~ ' and filed_at < ' ~ ends_at,
            'is_odd and measurement_id = any(' ~ day ~ '.odd_ids)'
            ~ ' and production_date = ' ~ day ~ '.production_date',
        ] %}
        {{ 'union all' if not loop.first }}
        select * from {{ messages }}
        where {{ condition }}
            and sensor_type = {{ day }}.sensor_type
            and device_id = {{ day }}.device_id
        {%- endfor %}
    )
{%- endmacro %}
