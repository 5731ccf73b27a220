{#- A sensor type in its one spelling, wherever it comes from. -#}
{% macro sensor_type_key(sensor_type) -%}
    {{ plain_id(sensor_type, 'lower') }}
{%- endmacro %}
