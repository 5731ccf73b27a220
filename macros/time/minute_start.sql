{#- The start of the clock minute a moment lies in. -#}
{% macro minute_start(moment) -%}
    date_trunc('minute', {{ moment }}, {{ literal(var('plant_timezone')) }})
{%- endmacro %}
