{#- Joins two relations on the device. -#}
{% macro is_same_device(left, right) -%}
    {{ left }}.sensor_type = {{ right }}.sensor_type
    and {{ left }}.device_id = {{ right }}.device_id
{%- endmacro %}
