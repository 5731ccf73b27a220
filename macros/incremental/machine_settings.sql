{#- What the plant calls a metric, and what is legal for it, as one text. -#}
{% macro metrics_of_machines() -%}
    (
        select string_agg(
            row(metric, low, high, payload_names)::text, ',' order by metric
        )
        from (select * from {{ ref('machine_metrics') }}) as metrics
    )
{%- endmacro %}


{#- What tells that the day's machine runs, as one text. -#}
{% macro running_of_the_day() -%}
    (
        select concat_ws(
            ' ', {{ minimum_rpm('days') }},
            string_agg(row(status, is_running)::text, ',' order by status)
        )
        from (select * from {{ ref('machine_statuses') }}) as statuses
    )
{%- endmacro %}


{#- The limits that hold for the day's machine, as one text. -#}
{% macro machine_limits_of_the_day() -%}
    (
        select string_agg(limits::text, ',' order by limits.metric, limits.severity)
        from {{ machine_limits('days') }} as limits
    )
{%- endmacro %}
