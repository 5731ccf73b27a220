-- One row per sensor type, device, grain and period with messages: what became of them,
-- and how completely, regularly and promptly they came.
with device_days as (

    select * from {{ days(['expected_interval_seconds']) }} as days

),

production_periods as materialized (

    select * from {{ ref('int_production_periods') }}

)

select
    device_days.sensor_type,
    device_days.device_id,
    device_days.production_date,
    device_days.expected_interval_seconds,
    counts.*
from device_days
cross join lateral (
    with messages as materialized (
        select
            verdict,
            measurement_id,
            event_at,
            filed_at,
            ingested_at,
            verdict = 'reading' as is_reading,
            {{ var('regular_share') }} * device_days.expected_interval_seconds
                as regular_seconds,
            'clock_offset' = any(flags) as has_clock_offset,
            {{ lag_seconds() }} as lag_seconds,
            {{ seconds_between(
                'lag(event_at) over (partition by verdict order by event_at)',
                'event_at'
            ) }} as seconds_since_reading
        from {{ reads_verdicts([
            'measurement_id', 'verdict', 'flags', 'event_at', 'filed_at', 'ingested_at',
        ]) }} as staged_messages
    )

    -- Period by period: each message is one of an hour, of a shift and of a day.
    select grain, start_time, of_messages.*
    from production_periods
    cross join lateral (
        select
            count(*) filter (where verdict = 'health') as health_count,
            count(*) filter (where verdict = 'duplicate') as duplicate_count,
            count(*) filter (where verdict = 'rejected') as rejected_count,
            count(*) filter (where is_reading) as reading_count,
            count(distinct floor(
                {{ seconds_between('start_time', 'event_at') }}
                / device_days.expected_interval_seconds
            )) filter (where is_reading) as slots_hit,
            count(seconds_since_reading) filter (where is_reading) as interval_count,
            count(*) filter (
                where is_reading and seconds_since_reading <= regular_seconds
            ) as regular_count,
            count(*) filter (
                where is_reading and lag_seconds <= {{ var('on_time_seconds') }}
            ) as on_time_count,
            count(*) filter (
                where is_reading and lag_seconds > {{ var('late_seconds') }}
            ) as late_count,
            count(*) filter (where is_reading and has_clock_offset)
                as clock_offset_count,
            (array_agg(measurement_id order by event_at) filter (where is_reading))[1]
                as first_measurement_id,
            (array_agg(measurement_id order by event_at desc)
                filter (where is_reading))[1]
                as last_measurement_id,
            min(ingested_at) as first_ingested_at,
            max(ingested_at) as last_ingested_at
        from messages
        where filed_at >= start_time and filed_at < end_time
    ) as of_messages
    where production_periods.production_date = device_days.production_date
        and health_count + duplicate_count + rejected_count + reading_count > 0
    offset 0
) as counts
