{#- How many times three standard deviations fit into a distance: Ppk of the distance to
    the nearer border, Pp of half the band (ISO 22514-2, overall deviation). -#}
{% macro process_performance(distance, deviation) -%}
    ({{ distance }}) / (3 * nullif({{ deviation }}, 0))
{%- endmacro %}
