-- One row per device that nobody has heard of for longer than a gap, or never: since
-- when, and what the rest of its line tells of it.
--
--   .venv/bin/dbt show -s silent_devices --output json --limit 99
--
-- The present is the plant's newest event, or var as_of.
with devices as (select * from {{ ref('devices') }}),

downtime_events as (

    select * from {{ ref('downtime_events') }} where ended_at is null

),

plant as (select {{ as_of() }} as as_of),

silences as (

    select
        devices.*,
        {{ seconds_between('devices.last_reading_at', 'plant.as_of') }}
            as silent_seconds,
        {{ gap_seconds('devices.expected_interval_seconds') }} as gap_seconds
    from devices
    cross join plant

)

select
    silences.device_id,
    silences.sensor_type,
    silences.production_line,
    silences.stage,
    silences.is_registered,
    silences.message_count,
    silences.last_reading_at,
    silences.silent_seconds,
    -- Of brick counters only: the others have no line to be seen in.
    coalesce(downtime_events.kind, case
        when silences.message_count = 0 then 'never_seen'
        when silences.last_reading_at is null then 'no_reading'
        else 'silent'
    end) as kind
from silences
left join downtime_events on silences.device_id = downtime_events.device_id
where silences.silent_seconds > silences.gap_seconds
    or silences.last_reading_at is null
order by silences.silent_seconds desc nulls first, silences.device_id asc
