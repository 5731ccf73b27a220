-- One row per machine, metric and severity: the limit that holds, that of its type of
-- machine or else the default, and the value that clears an alert again.
with devices as (
    select * from {{ ref('devices') }}
    where sensor_type in {{ sensor_types('stg_machine_messages') }}
),

machine_limits as (select * from {{ ref('machine_limits') }}),

chosen as (
    select distinct on (devices.sensor_type, devices.device_id, limits.metric)
        devices.sensor_type, devices.device_id, limits.*
    from devices
    inner join machine_limits as limits
        on limits.machine_type in ('default', lower(trim(devices.machine_type)))
    order by
        devices.sensor_type, devices.device_id, limits.metric,
        limits.machine_type = 'default'
)

select
    sensor_type,
    device_id,
    metric,
    severity,
    high,
    high - hysteresis as clears
from chosen
cross join lateral (
    values ('warning', warning), ('critical', critical)
) as severities (severity, high)
