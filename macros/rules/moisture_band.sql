{#- The band a device's moisture should be in, as a SELECT of one row (low, high): that of
    its location, else the default of seed `moisture_bands`. -#}
{% macro moisture_band(day='days') -%}
    (
        select bands.low, bands.high
        from (select * from {{ ref('moisture_bands') }}) as bands
        left join (select * from {{ ref('device_registry') }}) as registry
            on upper(trim(registry.device_id)) = {{ day }}.device_id
            and lower(trim(registry.sensor_type)) = {{ day }}.sensor_type
            and lower(trim(registry.location)) = bands.location
        where registry.device_id is not null or bands.location = 'default'
        order by registry.device_id
        limit 1
    )
{%- endmacro %}
