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
    ),

    own as (
        select * from hours where production_date = device_days.production_date
    ),

    of_the_week as (
        select
            metric,
            hour_of_week,
            percentile_cont(0.5) within group (order by median_value) as usual_value
        from hours
        where production_date < device_days.production_date
        group by metric, hour_of_week
    ),

    of_the_day as (
        select
            own.metric,
            own.hour_of_week,
            percentile_cont(0.5) within group (order by earlier.median_value)
                as usual_value,
            sum(earlier.reading_count) as reading_count
        from own
        inner join hours as earlier
            on own.metric = earlier.metric
            and own.starts_at > earlier.starts_at
            and own.starts_at - interval '1 day' <= earlier.starts_at
        group by own.metric, own.hour_of_week
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
    from own
    left join of_the_week using (metric, hour_of_week)
    left join of_the_day using (metric, hour_of_week)
) as usual_values
