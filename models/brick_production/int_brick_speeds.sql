-- One row per grain (hour, shift, day), device and period: how its step rates are
-- distributed, its best minutes and its trend.
with device_days as (select * from {{ days() }} as days),

calendar as materialized (select * from {{ ref('int_production_periods') }})

select
    device_days.device_id,
    speeds.*,
    device_days.production_date
from device_days
cross join lateral (
    with steps as materialized (
        select ends_at, seconds::double precision as seconds
        from {{ reads('int_brick_steps') }} as steps_of_the_day
        where not is_gap
    ),

    buckets as materialized (
        select * from {{ reads('int_brick_five_minutes') }} as buckets_of_the_day
    ),

    -- Whole milliseconds: an integer is summed several times as fast as a numeric.
    running as materialized (
        select
            starts_at, rate_per_hour, ms,
            rate_per_hour * ms as weighted,
            rate_per_hour * rate_per_hour * ms as weighted_square
        from {{ reads('int_brick_slices') }} as slices_of_the_day
        cross join lateral (
            select (seconds * 1000)::integer as ms where true offset 0
        ) as whole
        where state in ('running', 'slow') and seconds > 0
    )

    select
        grain,
        rates.*,
        peak_speed,
        stop_resolution_seconds,
        trend.trend as speed_trend,
        round(trend.slope::numeric, 3) as speed_slope_per_hour,
        round(trend.p_value::numeric, 6) as trend_p_value,
        start_time
    from calendar
    cross join lateral (
        -- A percentile is the rate not exceeded in that share of the running time.
        select
            {%- for percent in [25, 50, 75, 95] %}
            min(rate_per_hour) filter (
                where ms_up_to * 100 >= all_ms * {{ percent }}
            ) as speed_p{{ percent }},
            {%- endfor %}
            round(sum(weighted) / sum(ms), 3) as rate_mean,
            -- Below 0 by rounding only; `greatest` would take nothing for 0.
            case when sum(ms) > 0 then round(sqrt(greatest(
                0, sum(weighted_square) / sum(ms) - (sum(weighted) / sum(ms)) ^ 2
            )), 3) end as rate_std
        from (
            select
                *,
                sum(ms) over (order by rate_per_hour, starts_at) as ms_up_to,
                sum(ms) over () as all_ms
            from running
            where starts_at >= start_time and starts_at < end_time
        ) as weighted
    ) as rates
    cross join lateral (
        select round(max(pieces * 3600 / observed_seconds), 3) as peak_speed
        from buckets
        where starts_at >= start_time
            and starts_at < end_time
            and observed_seconds
            >= {{ var('peak_coverage') }} * {{ var('bucket_minutes') }} * 60
    ) as peaks
    cross join lateral (
        select
            percentile_cont(0.5) within group (order by seconds)::numeric(18, 3)
                as stop_resolution_seconds
        from steps
        where ends_at >= start_time and ends_at < end_time
    ) as resolutions
    -- The trend is that of the run rate in equal buckets.
    cross join lateral (
        select
            array_agg(hours order by hours) as hours,
            array_agg(rate order by hours) as rates
        from (
            select
                {{ trend_bucket('starts_at') }} as hours,
                (sum(pieces) * 3600 / sum(running_seconds))::double precision as rate
            from buckets
            where starts_at >= start_time
                and starts_at < end_time
                and running_seconds > 0
            group by hours
        ) as by_bucket
    ) as series
    cross join lateral {{ trend(
        'series.hours', 'series.rates', hours_between('start_time', 'end_time')
    ) }} as trend
    where calendar.production_date = device_days.production_date
) as speeds
