{#- How settled a period's numbers are: over and past the time in which they may change. -#}
{% macro period_status(end_time, as_of) -%}
    case
        when {{ end_time }} > {{ as_of }} then 'running'
        when {{ end_time }} > {{ as_of }} - interval {{ literal(var('final_after')) }}
            then 'provisional'
        else 'final'
    end
{%- endmacro %}
