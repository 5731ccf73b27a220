{#- The schema-qualified name of a function that `prepare_database` creates. -#}
{% macro function_name(name) -%}
    {{ adapter.quote(schema_of('stg_')) }}.{{ name }}
{%- endmacro %}
