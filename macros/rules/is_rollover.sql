{#- A counter with a modulus that passed it: near the top before, few pieces since. -#}
{% macro is_rollover(count, previous_count, cap) -%}
    (
        {{ count }} < {{ previous_count }}
        and {{ previous_count }} >= {{ var('rollover_share') }} * counter_modulus
        and {{ count }} + counter_modulus - {{ previous_count }} <= {{ cap }}
    )
{%- endmacro %}
