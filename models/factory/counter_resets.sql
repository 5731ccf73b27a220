-- One row per device and reset of its counter: by itself, or with half of its line.
with message_hours as (

    select device_id, hour_start from {{ ref('int_brick_message_hours') }}
    where reset_count > 0

),

int_brick_increments as not materialized (

    select * from {{ ref('int_brick_increments') }}

),

devices as (

    select * from {{ ref('devices') }}
    where sensor_type in {{ sensor_types('stg_brick_counts') }}

),

limits as (

    select
        device_id,
        max(high) filter (where metric = 'line_wide_reset') * interval '1 second'
            as together,
        max(low) filter (where metric = 'line_wide_reset_share') as share,
        max(low) filter (where metric = 'line_wide_reset_devices') as devices
    from {{ ref('device_thresholds') }}
    where sensor_type in {{ sensor_types('stg_brick_counts') }}
    group by device_id

),

lines as (

    select production_line, count(*) as line_device_count
    from devices
    where last_reading_at is not null
    group by production_line

),

-- Resets are rare: each is looked up by index in its hour.
resets as (

    select
        devices.production_line, devices.stage, limits.*, lines.line_device_count,
        events.*
    from message_hours
    inner join devices on message_hours.device_id = devices.device_id
    inner join limits on message_hours.device_id = limits.device_id
    left join lines on devices.production_line = lines.production_line
    cross join lateral (
        select
            measurement_id, counter_event, previous_count, count, production_date,
            event_at
        from int_brick_increments
        where int_brick_increments.device_id = message_hours.device_id
            and event_at >= message_hours.hour_start
            and event_at < message_hours.hour_start + interval '1 hour'
            and counter_event in ('reset', 'unexplained_reset')
        offset 0
    ) as events

),

-- From each reset on: how many devices of the line in so short a time. Once for all
-- resets, and not for each.
bursts as materialized (

    select
        resets.production_line,
        resets.event_at as starts_at,
        max(others.event_at) as ends_at,
        count(distinct others.device_id) as reset_device_count
    from resets
    inner join resets as others
        on resets.production_line = others.production_line
        and resets.event_at <= others.event_at
        and resets.event_at + resets.together >= others.event_at
    group by resets.production_line, resets.device_id, resets.event_at

),

final as (

    select
        device_id, production_line, stage, measurement_id, counter_event,
        previous_count, count, line_device_count,
        coalesce((
            select max(reset_device_count) from bursts
            where bursts.production_line = resets.production_line
                and resets.event_at between bursts.starts_at and bursts.ends_at
        ), 1) as reset_device_count,
        devices as least_devices,
        share as least_share,
        production_date, event_at
    from resets

)

select
    device_id, production_line, stage, measurement_id, counter_event, previous_count,
    count, line_device_count, reset_device_count,
    coalesce(
        reset_device_count >= greatest(least_devices, least_share * line_device_count),
        false
    ) as is_line_wide_reset,
    production_date, event_at
from final
