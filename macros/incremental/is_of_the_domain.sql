{#- The days of the sensor types whose staging model config meta.domain names. -#}
{% macro is_of_the_domain() -%}
    {%- set domain = day_settings().get('domain') -%}
    {%- if domain -%} days.sensor_type in {{ sensor_types(domain) }}
    {%- else -%} true
    {%- endif -%}
{%- endmacro %}
