{#- The error counter has no events of its own: it starts anew where the piece counter
    does, and a fall without one is a reset of the error counter alone. -#}
{% macro error_increment() -%}
    case
        when excursion is not null or previous_error_count is null
            or counter_event = 'long_gap' then null
        when counter_event = 'reset' or error_count < previous_error_count
            then error_count
        else error_count - previous_error_count
    end
{%- endmacro %}
