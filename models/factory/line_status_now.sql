-- One row per line and brick counter: what its machine does at the plant's present.
with devices as (
    select * from {{ ref('devices') }}
    where sensor_type in {{ sensor_types('stg_brick_counts') }}
),

stages as (select * from {{ ref('stages') }}),

downtime_events as (select * from {{ ref('downtime_events') }}),

open_events as (select * from downtime_events where ended_at is null),

brick_production_stats as (select * from {{ ref('brick_production_stats') }}),

plant as (select {{ as_of() }} as as_of),

final as (
    select
        devices.device_id,
        devices.production_line,
        devices.stage,
        stages.stage_index,
        case
            when newest.state is null then 'never_seen'
            else coalesce(open_events.kind, newest.state)
        end as state,
        open_events.event_id as open_event_id,
        shifts.shift_name,
        levels.count as current_count,
        shifts.count_increment as shift_count,
        shifts.target_count as shift_target_count,
        shifts.efficiency as shift_efficiency,
        shifts.speed_trend as shift_speed_trend,
        coalesce(recent.pieces_last_hour, 0) as pieces_last_hour,
        coalesce(recent.pieces_last_10_minutes, 0) as pieces_last_10_minutes,
        {{ seconds_between('devices.last_reading_at', 'plant.as_of') }}
            as last_reading_age_seconds,
        shifts.production_date,
        coalesce(
            open_events.started_at, before_it_ran.ended_at, devices.first_reading_at
        ) as state_since,
        devices.last_reading_at,
        plant.as_of
    from devices
    cross join plant
    left join stages on devices.stage = stages.stage
    left join open_events on devices.device_id = open_events.device_id
    left join lateral (
        select episodes.state
        from (select * from {{ ref('int_brick_episodes') }}) as episodes
        where episodes.device_id = devices.device_id
        order by episodes.production_date desc, episodes.ends_at desc
        limit 1
    ) as newest on true
    left join lateral (
        select readings.count
        from (select * from {{ ref('int_brick_increments') }}) as readings
        where readings.device_id = devices.device_id and readings.is_level
        order by readings.event_at desc
        limit 1
    ) as levels on true
    left join lateral (
        select max(downtime_events.ended_at) as ended_at
        from downtime_events
        where downtime_events.device_id = devices.device_id
    ) as before_it_ran on true
    left join lateral (
        select
            sum(count_increment)::bigint as pieces_last_hour,
            sum(count_increment) filter (
                where event_at > plant.as_of - interval '10 minutes'
            )::bigint as pieces_last_10_minutes
        from (select * from {{ ref('int_brick_increments') }}) as increments
        where increments.device_id = devices.device_id
            and increments.event_at > plant.as_of - interval '1 hour'
            and increments.event_at <= plant.as_of
            and not increments.is_gap
    ) as recent on true
    left join brick_production_stats as shifts
        on devices.device_id = shifts.device_id
        and plant.as_of >= shifts.start_time
        and plant.as_of < shifts.end_time
)

select
    device_id, production_line, stage, stage_index, state, open_event_id, shift_name,
    current_count, shift_count, shift_target_count, shift_efficiency,
    shift_speed_trend, pieces_last_hour, pieces_last_10_minutes,
    last_reading_age_seconds,
    count(*) over line as line_device_count,
    count(*) filter (where state in ('running', 'slow')) over line
        as line_running_count,
    production_date, state_since, last_reading_at, as_of
from final
window line as (partition by production_line)
