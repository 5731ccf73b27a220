{#- The start of the plant-clock hour a moment lies in. -#}
{% macro hour_start(moment) -%}
    date_trunc('hour', {{ moment }}, {{ literal(var('plant_timezone')) }})
{%- endmacro %}
