-- One row per device, production day and metric: where its daily 95th percentiles of
-- the trailing week lead.
{%- set rule = var('machine_trend') %}
with device_days as (select * from {{ days() }} as days)

select
    device_days.sensor_type,
    device_days.device_id,
    device_days.production_date,
    trends.*
from device_days
cross join lateral (
    with weeks as (
        select
            metric,
            array_agg(day order by day) as days,
            array_agg(value_p95 order by day) as levels,
            count(*) as day_count
        from (
            select
                *,
                (production_date - device_days.production_date)::double precision
                    as day
            from {{ reads('int_machine_metric_periods') }} as periods
            where grain = 'day' and sample_count > 0
        ) as trailing_days
        group by metric
        having max(day) = 0
    )

    select
        weeks.metric,
        weeks.day_count,
        trend.trend,
        trend.slope as slope_per_day,
        trend.p_value,
        -- Where the line of the median slope stands on this day.
        case when trend.slope is not null then (
            select percentile_cont(0.5) within group (
                order by points.level - trend.slope * points.day
            )
            from unnest(weeks.days, weeks.levels) as points (day, level)
        ) end as level
    from weeks
    cross join lateral {{ trend(
        'weeks.days', 'weeks.levels', rule['days'], rule['least_points']
    ) }} as trend
) as trends
