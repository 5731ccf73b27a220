-- One row per machine, production day, metric and hour with a reading of a running
-- machine: the median of these readings.
with device_days as (select * from {{ days() }} as days)

select
    device_days.sensor_type,
    device_days.device_id,
    device_days.production_date,
    hours.*
from device_days
cross join lateral (
    select
        metric,
        hour_of_week,
        percentile_cont(0.5) within group (order by value::double precision)
            as median_value,
        count(*) as reading_count,
        min(event_at) as starts_at
    from {{ reads('int_machine_readings') }} as readings
    where coalesce(is_running, true)
    group by metric, hour_of_week
) as hours
