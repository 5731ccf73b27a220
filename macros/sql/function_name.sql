{#- The schema-qualified name of a function that `prepare_database` creates. -#}
{% macro function_name(name) -%}
    {{ adapter.quote(generate_schema_name(none, {'name': 'stg_'}) | trim) }}.{{ name }}
{%- endmacro %}
