{#- A silence longer than this is a gap: what happened inside cannot be known. -#}
{% macro gap_seconds(expected_interval_seconds) -%}
    greatest(3 * {{ expected_interval_seconds }}, {{ var('gap_floor_seconds') }})
{%- endmacro %}
