-- One row per grain (hour, shift, day), device, metric, severity and period that the
-- time of a reading reaches into: how long the metric was above the limit while it
-- ran.
with device_days as materialized (

    select *, {{ fingerprint() }} as day_fingerprint
    from (select * from {{ ref('device_day_inputs') }}) as days
    where sensor_type in {{ sensor_types('stg_machine_messages') }}
        and {{ is_unbuilt() }}

),

production_periods as materialized (

    select * from {{ ref('int_production_periods') }}

),

int_machine_readings as not materialized (

    select * from {{ ref('int_machine_readings') }}

)

select
    device_days.day_fingerprint as fingerprint,
    device_days.sensor_type,
    device_days.device_id,
    device_days.production_date,
    ranges.*
from device_days
cross join lateral (
    with periods as (
        select * from production_periods
        where production_date = device_days.production_date
    ),

    readings as (
        select * from int_machine_readings
        where device_id = device_days.device_id
            and sensor_type = device_days.sensor_type
            and production_date = device_days.production_date
        union all
        select * from {{ machine_readings_beside_the_day('device_days') }} as beside
    ),

    parts as (
        {{ held_parts('readings') }}
    ),

    limits as (
        select * from {{ machine_limits('device_days') }} as chosen
    )

    select
        parts.grain,
        parts.start_time,
        parts.metric,
        limits.severity,
        limits.high as limit_value,
        sum(held_seconds) as running_seconds,
        coalesce(sum(held_seconds) filter (where value > limits.high), 0)
            as above_seconds
    from parts
    inner join limits using (metric)
    where is_running
    group by parts.grain, parts.start_time, parts.metric, severity, high
) as ranges
