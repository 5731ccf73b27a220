-- One row per device, sensor type and metric: the threshold that holds for the device.
with devices as (select * from {{ ref('devices') }}),

thresholds as (select * from {{ ref('thresholds') }}),

-- The most specific scope wins: a device, then its stage, its line, the default.
ranked as (
    select
        devices.device_id,
        devices.sensor_type,
        thresholds.metric,
        thresholds.scope,
        thresholds.unit,
        thresholds.low,
        thresholds.high,
        row_number() over (
            partition by devices.device_id, devices.sensor_type, thresholds.metric
            order by array_position(
                array[
                    devices.device_id, devices.stage, devices.production_line, 'default'
                ],
                thresholds.scope
            )
        ) as scope_rank
    from devices
    inner join thresholds
        on thresholds.scope in (
            devices.device_id, devices.stage, devices.production_line, 'default'
        )
)

select
    device_id, sensor_type, metric, scope, unit, low, high
from ranked
where scope_rank = 1
