{#- What a step lends to the stop before or after it: the part in which its pieces leave
    the machine idle, had they been made at the pace of the step on its other side. Where
    that one is no running step, at the ideal rate; between two stops it is halved. -#}
{% macro lent_seconds(to) -%}
    {%- set towards, away = ('lag', 'lead') if to == 'before' else ('lead', 'lag') -%}
    {%- set pieces_per_second -%}
        coalesce(
            case
                when {{ away }}(state) over series in ('running', 'slow')
                    then {{ away }}(count_increment / nullif(seconds, 0)) over series
            end, ideal_rate_per_hour / 3600
        )
    {%- endset -%}
    case
        when state in ('stopped', 'unobserved')
            or coalesce({{ towards }}(state) over series <> 'stopped', true) then 0
        else trunc(
            greatest(0, seconds - count_increment / {{ pieces_per_second }})
            / case when {{ away }}(state) over series = 'stopped' then 2 else 1 end, 3
        )
    end
{%- endmacro %}
