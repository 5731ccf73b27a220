{#- Hours from one moment to another, as a floating point number. -#}
{% macro hours_between(earlier, later) -%}
    (extract(epoch from {{ later }} - {{ earlier }}) / 3600)::double precision
{%- endmacro %}
