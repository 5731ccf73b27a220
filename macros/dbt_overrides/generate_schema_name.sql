{#- The layer is read off a model's prefix: stg_ to <target>_staging, int_ to
    <target>_intermediate, everything else is a mart and lives in <target>. -#}
{% macro generate_schema_name(custom_schema_name=none, node=none) -%}
    {%- set base = custom_schema_name or target.schema -%}
    {%- set name = node.name if node else '' -%}
    {%- if name.startswith('stg_') -%}
        {{ base }}_staging
    {%- elif name.startswith('int_') -%}
        {{ base }}_intermediate
    {%- else -%}
        {{ base }}
    {%- endif -%}
{%- endmacro %}
