{#- The moment at which something ends at a time of day. At the start of the production day
    ends what lasts as long as the day itself. -#}
{% macro local_end(production_date, time_of_day) -%}
    case
        when {{ time_of_day }} = {{ day_start() }}
            then {{ local_moment('(' ~ production_date ~ ' + 1)', day_start()) }}
        else {{ local_moment(production_date, time_of_day) }}
    end
{%- endmacro %}
