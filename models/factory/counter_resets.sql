-- One row per device and reset of its counter: by itself, or with half of its line.
with message_hours as (
    select * from {{ ref('int_brick_message_hours') }} where reset_count > 0
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

-- Resets with more time between them than any may take are never counted together:
-- without these clusters each would be compared with all there ever were.
clusters as materialized (
    select
        gaps.*,
        count(*) filter (where is_apart) over (
            partition by production_line order by event_at
        ) as cluster
    from (
        select
            resets.*,
            event_at - lag(event_at) over (
                partition by production_line order by event_at
            ) > max(together) over () as is_apart
        from resets
    ) as gaps
),

-- From each reset on: how many devices of the line in so short a time.
bursts as (
    select
        production_line,
        cluster,
        first.event_at as starts_at,
        max(others.event_at) as ends_at,
        count(distinct others.device_id) as reset_device_count
    from clusters as first
    inner join clusters as others using (production_line, cluster)
    where others.event_at between first.event_at and first.event_at + first.together
    group by production_line, cluster, first.device_id, first.event_at
),

final as (
    select
        clusters.measurement_id,
        coalesce(max(bursts.reset_device_count), 1) as reset_device_count
    from clusters
    left join bursts
        on clusters.production_line = bursts.production_line
        and clusters.cluster = bursts.cluster
        and clusters.event_at between bursts.starts_at and bursts.ends_at
    group by clusters.measurement_id
)

select
    device_id, production_line, stage, measurement_id, counter_event, previous_count,
    count, line_device_count, reset_device_count,
    coalesce(
        reset_device_count >= greatest(devices, share * line_device_count), false
    ) as is_line_wide_reset,
    production_date, event_at
from clusters
inner join final using (measurement_id)
