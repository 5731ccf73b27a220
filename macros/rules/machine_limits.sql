{#- The type of machine a device watches, as the registry says it; NULL where it does not. -#}
{% macro registered_machine_type(day='days') -%}
    (
        select lower(trim(registry.machine_type))
        from (select * from {{ ref('device_registry') }}) as registry
        where upper(trim(registry.device_id)) = {{ day }}.device_id
            and lower(trim(registry.sensor_type)) = {{ day }}.sensor_type
    )
{%- endmacro %}


{#- The limits of a device's metrics, as a SELECT of rows (metric, severity, high, clears):
    those of its machine's type, else the default of seed `machine_limits`. -#}
{% macro machine_limits(day='days') -%}
    (
        select
            chosen.metric,
            severity,
            high,
            high - chosen.hysteresis as clears
        from (
            select distinct on (limits.metric) limits.*
            from (select * from {{ ref('machine_limits') }}) as limits
            where limits.machine_type in (
                'default', {{ registered_machine_type(day) }}
            )
            order by limits.metric, limits.machine_type = 'default'
        ) as chosen
        cross join lateral (
            values ('warning', chosen.warning), ('critical', chosen.critical)
        ) as severities (severity, high)
    )
{%- endmacro %}
