{#- The sensor types this deployment has a domain for, as a SQL list. -#}
{% macro sensor_types(staging_model=none) -%}
    ('{{ var("sensor_domains").items()
        | selectattr(1, 'equalto', staging_model) | map(attribute=0) | join("', '")
        if staging_model else var("sensor_domains") | join("', '") }}')
{%- endmacro %}
