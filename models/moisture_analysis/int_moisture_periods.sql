-- One row per grain (hour, shift, day), device and period that has messages or that the
-- time of a reading reaches into: the facts of the period.
with device_days as (select * from {{ days() }} as days),

production_periods as materialized (
    select * from {{ ref('int_production_periods') }}
)

select
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
        select * from {{ reads('int_moisture_readings') }} as of_the_day_and_beside
    ),

    parts as (
        {{ held_parts('readings') }}
    ),

    sums as (
        select
            grain, start_time,
            sum(held_seconds) as observed_seconds,
            sum(silent_seconds) as unobserved_seconds,
            {%- for value in ['moisture', 'temperature_celsius', 'humidity_percent'] %}
            sum({{ value }} * held_seconds) as {{ value }}_seconds,
            sum(held_seconds) filter (where {{ value }} is not null)
                as {{ value }}_observed_seconds,
            {%- endfor %}
            count(*) filter (where is_own and next_reading_at > holds_until)
                as gap_count,
            max(silent_seconds) as longest_gap_seconds,
            count(*) filter (where is_own) as sample_count,
            avg(moisture) filter (where is_own) as sample_mean,
            stddev_samp(moisture) filter (where is_own) as moisture_std,
            min(moisture) filter (where is_own) as min_moisture,
            max(moisture) filter (where is_own) as max_moisture,
            percentile_cont(array[0.05, 0.5, 0.95]) within group (
                order by moisture::double precision
            ) filter (where is_own) as percentiles,
            max(unit) as unit,
            bool_or(is_unit_guessed) as is_unit_guessed
        from parts
        group by grain, start_time
    ),

    series as (
        select
            grain, start_time,
            array_agg(bucket order by bucket) as hours,
            array_agg(level order by bucket) as levels
        from (
            select
                grain, start_time,
                {{ trend_bucket('event_at') }} as bucket,
                avg(moisture)::double precision as level
            from parts
            where is_own
            group by grain, start_time, bucket
        ) as buckets
        group by grain, start_time
    )

    select
        periods.grain, shift_name, shift_number, unit,
        observed_seconds, unobserved_seconds,
        moisture_seconds, moisture_observed_seconds, temperature_celsius_seconds,
        temperature_celsius_observed_seconds, humidity_percent_seconds,
        humidity_percent_observed_seconds, gap_count, longest_gap_seconds,
        coalesce(sample_count, 0) as sample_count,
        sample_mean, moisture_std, min_moisture, max_moisture,
        percentiles[1] as moisture_p05, percentiles[2] as moisture_p50,
        percentiles[3] as moisture_p95,
        trend.trend, trend.slope, trend.p_value, is_unit_guessed,
        start_time, periods.end_time
    from periods
    left join sums using (grain, start_time)
    left join series using (grain, start_time)
    cross join lateral
        {{ trend('hours', 'levels', hours_between('start_time', 'end_time')) }} as trend
    where sums.grain is not null
        or exists (
            select from {{ reads('int_message_periods') }} as messages
            where messages.grain = periods.grain
                and messages.start_time = periods.start_time
        )
) as facts
