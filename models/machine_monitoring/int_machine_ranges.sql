-- One row per grain (hour, shift, day), device, metric, severity and period that the
-- time of a reading reaches into: how long the metric was above the limit while it
-- ran.
with device_days as (select * from {{ days() }} as days),

production_periods as materialized (
    select * from {{ ref('int_production_periods') }}
),

int_machine_limits as (select * from {{ ref('int_machine_limits') }})

select
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
        select * from {{ reads('int_machine_readings') }} as of_the_day_and_beside
    ),

    parts as (
        {{ held_parts('readings') }}
    ),

    limits as (
        select metric, severity, high, clears from int_machine_limits
        where {{ is_same_device('int_machine_limits', 'device_days') }}
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
