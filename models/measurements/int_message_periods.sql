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
    -- Whole milliseconds of the day: an integer is divided and compared at once.
    with messages as (
        select
            *,
            verdict = 'reading' as is_reading,
            'clock_offset' = any(flags) as has_clock_offset,
            {{ lag_seconds() }} <= {{ var('on_time_seconds') }} as is_on_time,
            {{ lag_seconds() }} > {{ var('late_seconds') }} as is_late,
            (1000 * {{ seconds_between('device_days.starts_at', 'event_at') }})::bigint
                as ms
        from {{ reads_verdicts([
            'measurement_id', 'verdict', 'flags', 'event_at', 'filed_at', 'ingested_at',
        ]) }} as staged_messages
        offset 0
    ),

    with_neighbours as materialized (
        select
            *,
            case when is_reading then lag(ms) over series end as previous_ms,
            case when is_reading then lead(ms) over series end as next_ms
        from messages
        window series as (partition by is_reading order by event_at)
    ),

    periods as materialized (
        select
            grain, start_time, end_time,
            {%- for moment in ['start', 'end'] %}
            (1000 * {{ seconds_between('device_days.starts_at', moment ~ '_time') }}
            )::bigint as {{ moment }}_ms,
            {%- endfor %}
            (1000 * expected_interval_seconds)::bigint as interval_ms,
            floor(1000 * expected_interval_seconds * {{ var('regular_share') }})::bigint
                as regular_ms
        from production_periods
        where production_date = device_days.production_date
    )

    -- Period by period: each message is one of an hour, of a shift and of a day.
    select grain, start_time, of_messages.*
    from periods
    cross join lateral (
        select
            count(*) filter (where verdict = 'health') as health_count,
            count(*) filter (where verdict = 'duplicate') as duplicate_count,
            count(*) filter (where verdict = 'rejected') as rejected_count,
            count(*) filter (where is_reading) as reading_count,
            -- The first reading of a slot hits it.
            count(*) filter (where is_reading and (
                previous_ms >= start_ms
                and (previous_ms - start_ms) / interval_ms
                = (ms - start_ms) / interval_ms
            ) is not true) as slots_hit,
            count(previous_ms) as interval_count,
            count(*) filter (where ms - previous_ms <= regular_ms) as regular_count,
            count(*) filter (where is_reading and is_on_time) as on_time_count,
            count(*) filter (where is_reading and is_late) as late_count,
            count(*) filter (where is_reading and has_clock_offset)
                as clock_offset_count,
            max(measurement_id) filter (
                where is_reading and (previous_ms >= start_ms) is not true
            ) as first_measurement_id,
            max(measurement_id) filter (
                where is_reading and (next_ms < end_ms) is not true
            ) as last_measurement_id,
            min(event_at) filter (where is_reading) as first_reading_at,
            max(event_at) filter (where is_reading) as last_reading_at,
            max(ms - previous_ms)::numeric / 1000 as longest_silence_seconds,
            (array_agg(event_at order by ms - previous_ms desc, ms) filter (
                where previous_ms is not null
            ))[1] as longest_silence_until,
            min(ingested_at) as first_ingested_at,
            max(ingested_at) as last_ingested_at
        from with_neighbours
        where filed_at >= start_time and filed_at < end_time
    ) as of_messages
    where health_count + duplicate_count + rejected_count + reading_count > 0
    offset 0
) as counts
