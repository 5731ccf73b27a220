-- One row per grain (hour, shift, day), device and period with observed time: how its
-- step rates are distributed, its best minutes and its trend.
with device_days as materialized (

    select *, {{ fingerprint() }} as day_fingerprint
    from (select * from {{ ref('device_day_inputs') }}) as days
    where sensor_type in {{ sensor_types('stg_brick_counts') }}
        and {{ is_unbuilt() }}

),

calendar as materialized (select * from {{ ref('int_production_periods') }}),

int_brick_steps as not materialized (select * from {{ ref('int_brick_steps') }}),

int_brick_slices as not materialized (select * from {{ ref('int_brick_slices') }}),

int_brick_five_minutes as not materialized (

    select * from {{ ref('int_brick_five_minutes') }}

)

select
    device_days.day_fingerprint as fingerprint,
    calendar.grain,
    device_days.device_id,
    rates.*,
    peaks.peak_speed,
    steps.stop_resolution_seconds,
    trend.trend as speed_trend,
    round(trend.slope::numeric, 3) as speed_slope_per_hour,
    round(trend.p_value::numeric, 6) as trend_p_value,
    device_days.production_date,
    calendar.start_time
from device_days
inner join calendar using (production_date)
cross join lateral (
    -- A percentile is the rate that was not exceeded in that share of the running time.
    with running as (
        select
            rate_per_hour,
            seconds,
            sum(seconds) over (order by rate_per_hour, starts_at) as seconds_up_to,
            sum(seconds) over () as all_seconds
        from int_brick_slices
        where int_brick_slices.device_id = device_days.device_id
            and int_brick_slices.production_date = device_days.production_date
            and int_brick_slices.starts_at >= calendar.start_time
            and int_brick_slices.starts_at < calendar.end_time
            and state in ('running', 'slow')
            and seconds > 0
    )

    select
        {%- for percent in [25, 50, 75, 95] %}
        min(rate_per_hour) filter (
            where seconds_up_to * 100 >= all_seconds * {{ percent }}
        ) as speed_p{{ percent }},
        {%- endfor %}
        round(sum(rate_per_hour * seconds) / sum(seconds), 3) as rate_mean,
        round(sqrt(greatest(
            0, sum(rate_per_hour ^ 2 * seconds) / sum(seconds)
            - (sum(rate_per_hour * seconds) / sum(seconds)) ^ 2
        )), 3) as rate_std
    from running
) as rates
cross join lateral (
    select round(max(pieces * 3600 / observed_seconds), 3) as peak_speed
    from int_brick_five_minutes as buckets
    where buckets.device_id = device_days.device_id
        and buckets.production_date = device_days.production_date
        and buckets.starts_at >= calendar.start_time
        and buckets.starts_at < calendar.end_time
        and buckets.observed_seconds
        >= {{ var('peak_coverage') }} * {{ var('bucket_minutes') }} * 60
) as peaks
cross join lateral (
    select
        percentile_cont(0.5) within group (order by seconds)::numeric(18, 3)
            as stop_resolution_seconds
    from int_brick_steps
    where int_brick_steps.device_id = device_days.device_id
        and int_brick_steps.production_date = device_days.production_date
        and int_brick_steps.ends_at >= calendar.start_time
        and int_brick_steps.ends_at < calendar.end_time
        and not is_gap
) as steps
-- The trend is that of the run rate in equal buckets.
cross join lateral (
    select
        array_agg(hours order by hours) as hours,
        array_agg(rate order by hours) as rates
    from (
        select
            {{ trend_bucket('starts_at') }} as hours,
            (sum(pieces) * 3600 / sum(running_seconds))::double precision as rate
        from int_brick_five_minutes as buckets
        where buckets.device_id = device_days.device_id
            and buckets.production_date = device_days.production_date
            and buckets.starts_at >= calendar.start_time
            and buckets.starts_at < calendar.end_time
            and running_seconds > 0
        group by hours
    ) as by_bucket
) as series
cross join lateral
    {{ trend('hours', 'rates', hours_between('start_time', 'end_time')) }} as trend
where num_nonnulls(rate_mean, peak_speed, stop_resolution_seconds) > 0
