{#- The hour of the plant's week a moment lies in, Monday 0 h is 0. -#}
{% macro hour_of_week(moment) -%}
    (
        extract(isodow from {{ moment }} at time zone {{ literal(var('plant_timezone')) }})
        * 24 - 24
        + extract(hour from {{ moment }} at time zone {{ literal(var('plant_timezone')) }})
    )::integer
{%- endmacro %}
