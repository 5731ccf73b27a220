{#- The sensor types this deployment has a domain for, as a SQL list. -#}
{% macro sensor_types(staging_model=none) -%}
    {%- set found = [] -%}
    {%- for sensor_type, model in var('sensor_domains').items()
        if staging_model in (none, model) -%}
        {%- do found.append(literal(sensor_type)) -%}
    {%- endfor -%}
    ({{ found | join(', ') or "''" }})
{%- endmacro %}
