{#- A step's state, but that a counter which leaps or is reset in the middle of a stop
    does not end it. -#}
{% macro state_among_neighbours() -%}
    case
        when state = 'unobserved' and not is_gap
            and lag(state) over series = 'stopped'
            and lead(state) over series = 'stopped' then 'stopped'
        else state
    end
{%- endmacro %}
