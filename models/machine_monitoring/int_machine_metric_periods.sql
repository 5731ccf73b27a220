-- One row per grain (hour, shift, day), device, metric and period that the time of a
-- reading reaches into: the facts of the metric.
with device_days as (select * from {{ days() }} as days),

production_periods as materialized (
    select * from {{ ref('int_production_periods') }}
)

select
    device_days.sensor_type,
    device_days.device_id,
    device_days.production_date,
    facts.*
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

    sums as (
        select
            grain, start_time, metric,
            sum(held_seconds) as observed_seconds,
            sum(value * held_seconds) as value_seconds,
            coalesce(sum(held_seconds) filter (where is_running), 0)
                as running_seconds,
            count(*) filter (where is_own) as sample_count,
            avg(value) filter (where is_own) as sample_mean,
            stddev_samp(value) filter (where is_own) as value_std,
            min(value) filter (where is_own) as min_value,
            max(value) filter (where is_own) as max_value,
            percentile_cont(0.95) within group (order by value::double precision)
                filter (where is_own) as value_p95
        from parts
        group by grain, start_time, metric
    ),

    series as (
        select
            grain, start_time, metric,
            array_agg(bucket order by bucket) as hours,
            array_agg(level order by bucket) as levels
        from (
            select
                grain, start_time, metric,
                {{ trend_bucket('event_at') }} as bucket,
                avg(value)::double precision as level
            from parts
            where is_own
            group by grain, start_time, metric, bucket
        ) as buckets
        group by grain, start_time, metric
    )

    select
        periods.grain, shift_name, shift_number, sums.metric,
        observed_seconds, value_seconds, running_seconds, sample_count, sample_mean,
        value_std, min_value, max_value, value_p95,
        trend.trend, trend.slope, trend.p_value,
        start_time, periods.end_time
    from periods
    inner join sums using (grain, start_time)
    left join series using (grain, start_time, metric)
    cross join lateral
        {{ trend('hours', 'levels', hours_between('start_time', 'end_time')) }} as trend
) as facts
