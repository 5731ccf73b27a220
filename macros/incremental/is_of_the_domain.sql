{#- The days of the sensor types whose staging model config meta.domain names. -#}
{% macro is_of_the_domain(node=none) -%}
    {%- set domain = day_settings(node).get('domain') -%}
    {%- if domain -%} days.sensor_type in {{ sensor_types(domain) }}
    {%- else -%} true
    {%- endif -%}
{%- endmacro %}
