{#- The moment at which the plant's wall clock shows a time of day on a production date.
    Times before the start of the production day fall on the following calendar day. -#}
{% macro local_moment(production_date, time_of_day) -%}
    (
        {{ production_date }} + {{ time_of_day }}
        + case when {{ time_of_day }} < {{ day_start() }} then interval '1 day' else '0' end
    ) at time zone {{ literal(var('plant_timezone')) }}
{%- endmacro %}
