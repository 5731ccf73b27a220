{#- The states a slice of a counter's time can have, as a list. -#}
{% macro brick_states() -%}
    {{ return([
        'planned_stop', 'running', 'slow', 'micro_stop', 'downtime', 'unobserved'
    ]) }}
{%- endmacro %}
