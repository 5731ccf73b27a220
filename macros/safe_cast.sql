{#- dbt learns the column types of a unit test's fixtures from information_schema, which
    calls every array ARRAY, and that is no type to cast to. All arrays here hold text. -#}
{% macro postgres__safe_cast(field, type) -%}
    cast({{ field }} as {{ 'text[]' if type == 'ARRAY' else type }})
{%- endmacro %}
