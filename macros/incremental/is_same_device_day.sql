{#- Joins two relations on the ledger's key. -#}
{% macro is_same_device_day(left, right) -%}
    {{ is_same_device(left, right) }}
    and {{ left }}.production_date = {{ right }}.production_date
{%- endmacro %}
