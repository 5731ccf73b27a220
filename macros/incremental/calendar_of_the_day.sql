{#- How far the calendar of a day goes: to its end, or to the plant's present. -#}
{% macro calendar_of_the_day() -%}
    extract(epoch from least(
        {{ as_of() }}, {{ local_moment('(days.production_date + 1)', day_start()) }}
    ))
{%- endmacro %}
