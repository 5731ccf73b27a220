{#- The plant's present: its newest accepted event, or var `as_of`; never the clock of
    the machine that builds, so that last year's data give last year's numbers. -#}
{% macro as_of(days='device_days') -%}
    {%- if var('as_of') -%}
        timestamptz {{ literal(var('as_of')) }}
    {%- else -%}
        (select max(last_reading_at) from {{ ref(days) }})
    {%- endif -%}
{%- endmacro %}
