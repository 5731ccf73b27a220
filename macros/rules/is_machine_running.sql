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


{#- The speed above which a device's machine runs. -#}
{% macro minimum_rpm(day='days') -%}
    (
        select types.minimum_rpm
        from (select * from {{ ref('machine_types') }}) as types
        where types.machine_type in ('default', {{ registered_machine_type(day) }})
        order by types.machine_type = 'default'
        limit 1
    )
{%- endmacro %}
