-- One row per machine: the speed above which it runs, that of its type of machine or
-- else the default.
with devices as (
    select * from {{ ref('devices') }}
    where sensor_type in {{ sensor_types('stg_machine_messages') }}
),

machine_types as (select * from {{ ref('machine_types') }})

select distinct on (devices.sensor_type, devices.device_id)
    devices.sensor_type,
    devices.device_id,
    machine_types.minimum_rpm
from devices
inner join machine_types
    on machine_types.machine_type in ('default', lower(trim(devices.machine_type)))
order by
    devices.sensor_type, devices.device_id, machine_types.machine_type = 'default'
