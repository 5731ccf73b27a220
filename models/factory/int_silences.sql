-- One row per device and silence: longer than a gap between two readings, or since the
-- last.
with devices as (select * from {{ ref('devices') }}),

int_message_periods as (
    select * from {{ ref('int_message_periods') }} where reading_count > 0
),

limits as (
    select sensor_type, device_id, high as dead_from
    from {{ ref('device_thresholds') }}
    where metric = 'sensor_dead'
),

plant as (select {{ as_of() }} as as_of),

-- Within a day each hour knows its longest silence; between two days, and until now, it
-- is the days that tell.
silences as (
    select
        sensor_type, device_id,
        longest_silence_until - longest_silence_seconds * interval '1 s' as starts_at,
        longest_silence_until as ends_at
    from int_message_periods
    where grain = 'hour' and longest_silence_seconds >= {{ var('gap_floor_seconds') }}
    union all
    select
        sensor_type, device_id, last_reading_at,
        lead(first_reading_at) over (
            partition by sensor_type, device_id order by start_time
        )
    from int_message_periods
    where grain = 'day'
),

with_length as (
    select
        *,
        {{ seconds_between('starts_at', 'coalesce(ends_at, as_of)') }} as seconds
    from silences
    cross join plant
)

-- Who was never registered and is silent for long is no device of the plant.
select
    sensor_type, device_id, starts_at, ends_at, seconds, limits.dead_from,
    {{ gap_seconds('expected_interval_seconds') }} as gap_from
from with_length
inner join limits using (sensor_type, device_id)
inner join devices using (sensor_type, device_id)
where seconds >= {{ gap_seconds('expected_interval_seconds') }}
    and (
        is_registered or ends_at is not null
        or as_of - starts_at <= interval {{ literal(var('longest_bridged_gap')) }}
    )
