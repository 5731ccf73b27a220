{#- The unit in which the registry says that a device sends, NULL where it does not. -#}
{% macro registered_unit(day='days') -%}
    (
        select lower(trim(registry.unit))
        from (select * from {{ ref('device_registry') }}) as registry
        where upper(trim(registry.device_id)) = {{ day }}.device_id
            and lower(trim(registry.sensor_type)) = {{ day }}.sensor_type
    )
{%- endmacro %}
