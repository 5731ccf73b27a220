-- One row per moisture probe whose unit the registry names.
with device_registry as (select * from {{ ref('device_registry') }})

select
    {{ sensor_type_key('sensor_type') }} as sensor_type,
    {{ device_key('device_id') }} as device_id,
    max(lower(trim(unit))) as unit
from device_registry
where unit is not null
    and {{ sensor_type_key('sensor_type') }}
    in {{ sensor_types('stg_moisture_readings') }}
group by 1, 2
