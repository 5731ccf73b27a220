{#- Whether a message says that the machine runs: by its status, else by its speed; NULL
    where it says neither. -#}
{% macro is_machine_running(minimum_rpm) -%}
    coalesce(
        (
            select statuses.is_running
            from (select * from {{ ref('machine_statuses') }}) as statuses
            where statuses.status = messages.status
        ),
        (messages.metrics ->> 'rpm')::numeric > {{ minimum_rpm }}
    )
{%- endmacro %}
