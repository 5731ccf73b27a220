{#- Seconds from one moment to another, each cut to the millisecond first, so that
    the durations of adjoining intervals add up exactly. -#}
{% macro seconds_between(earlier, later) -%}
    (
        trunc(extract(epoch from {{ later }}), 3)
        - trunc(extract(epoch from {{ earlier }}), 3)
    )
{%- endmacro %}
