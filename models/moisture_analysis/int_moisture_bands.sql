-- One row per moisture probe: the band its moisture should be in, that of its location
-- or else the default.
with devices as (
    select * from {{ ref('devices') }}
    where sensor_type in {{ sensor_types('stg_moisture_readings') }}
),

moisture_bands as (select * from {{ ref('moisture_bands') }})

select
    devices.sensor_type,
    devices.device_id,
    coalesce(own.low, otherwise.low) as low,
    coalesce(own.high, otherwise.high) as high
from devices
cross join moisture_bands as otherwise
left join moisture_bands as own
    on lower(trim(devices.location)) = own.location
    and own.location <> 'default'
where otherwise.location = 'default'
