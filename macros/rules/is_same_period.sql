{#- Joins two relations of one domain on device, grain and period. -#}
{% macro is_same_period(left, right) -%}
    {{ left }}.device_id = {{ right }}.device_id
    and {{ left }}.production_date = {{ right }}.production_date
    and {{ left }}.grain = {{ right }}.grain
    and {{ left }}.start_time = {{ right }}.start_time
{%- endmacro %}
