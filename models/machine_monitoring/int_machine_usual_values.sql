-- One row per machine, production day, metric and hour with a reading of a running
-- machine: what was usual at this hour of the week.
with device_days as (select * from {{ days() }} as days),

device_thresholds as (
    select * from {{ ref('device_thresholds') }} where metric = 'usual_readings'
)

select
    device_days.sensor_type,
    device_days.device_id,
    device_days.production_date,
    usual_values.*
from device_days
left join device_thresholds as least
    on {{ is_same_device('device_days', 'least') }}
cross join lateral (
    with hours as (
        select * from {{ reads('int_machine_hours') }} as of_the_day_and_before
    )

    select
        own.metric,
        own.hour_of_week,
        coalesce(
            of_the_week.usual_value,
            case when of_the_day.reading_count >= least.low
                then of_the_day.usual_value
            end
        ) as usual_value
    from hours as own
    cross join lateral (
        select
            percentile_cont(0.5) within group (order by earlier.median_value)
                as usual_value
        from hours as earlier
        where earlier.metric = own.metric
            and earlier.hour_of_week = own.hour_of_week
            and earlier.production_date < own.production_date
    ) as of_the_week
    cross join lateral (
        select
            percentile_cont(0.5) within group (order by earlier.median_value)
                as usual_value,
            sum(earlier.reading_count) as reading_count
        from hours as earlier
        where earlier.metric = own.metric
            and earlier.starts_at < own.starts_at
            and earlier.starts_at >= own.starts_at - interval '1 day'
    ) as of_the_day
    where own.production_date = device_days.production_date
) as usual_values
