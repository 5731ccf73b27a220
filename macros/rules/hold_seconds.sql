{#- How long a value is taken to last when no other one comes: after that nobody knows. -#}
{% macro hold_seconds(expected_interval_seconds) -%}
    ({{ var('hold_intervals') }} * {{ expected_interval_seconds }})
{%- endmacro %}
