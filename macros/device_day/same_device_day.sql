{#- Joins rows of one device-day. A table of one sensor type need not name it. -#}
{% macro same_device_day(left, right, has_types=true) -%}
    {{ left }}.device_id = {{ right }}.device_id
    and {{ left }}.production_date = {{ right }}.production_date
    {%- if has_types %}
    and {{ left }}.sensor_type = {{ right }}.sensor_type
    {%- endif %}
{%- endmacro %}
