{#- The schema of a relation of this name, or of this prefix. -#}
{% macro schema_of(name) -%}
    {{ return(generate_schema_name(none, {'name': name}) | trim) }}
{%- endmacro %}
