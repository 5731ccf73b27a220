{#- Joins two relations of the ledger's key. -#}
{% macro is_same_device_day(left, right) -%}
    {{ left }}.sensor_type = {{ right }}.sensor_type
    and {{ left }}.device_id = {{ right }}.device_id
    and {{ left }}.production_date = {{ right }}.production_date
{%- endmacro %}
