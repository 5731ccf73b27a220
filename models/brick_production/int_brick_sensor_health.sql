-- One row per grain (hour, shift, day), device and period with messages: what they say
-- of the device itself, and when they came.
with device_days as materialized (

    select *, {{ fingerprint() }} as day_fingerprint
    from (select * from {{ ref('device_day_inputs') }}) as days
    where sensor_type in {{ sensor_types('stg_brick_counts') }}
        and {{ is_unbuilt() }}

),

calendar as materialized (select * from {{ ref('int_production_periods') }}),

stg_brick_counts as not materialized (select * from {{ ref('stg_brick_counts') }})

select
    device_days.day_fingerprint as fingerprint,
    device_days.device_id,
    health.*,
    device_days.production_date
from device_days
cross join lateral (
    with messages as materialized (
        select
            *,
            verdict in ('reading', 'health') as is_used,
            -- Uptime runs on over the change of day; where it falls, a device began.
            uptime_seconds < coalesce(
                lag(uptime_seconds) over (
                    partition by
                        uptime_seconds is null, verdict in ('reading', 'health')
                    order by event_at, measurement_id
                ), {{ uptime_before_the_day('device_days') }}
            ) as is_reboot
        from stg_brick_counts
        where stg_brick_counts.device_id = device_days.device_id
            and stg_brick_counts.production_date = device_days.production_date
    )

    select calendar.grain, of_messages.*, calendar.start_time
    from calendar
    cross join lateral (
        select
            round(avg(rssi_dbm) filter (where is_used), 3) as avg_rssi_dbm,
            min(rssi_dbm) filter (where is_used) as min_rssi_dbm,
            (
                array_agg(battery_percent order by event_at desc, measurement_id desc)
                    filter (where is_used and battery_percent is not null)
            )[1] as battery_percent_end,
            round(avg(temperature_celsius) filter (where is_used), 3)
                as avg_temperature_celsius,
            count(*) filter (where is_used and is_reboot) as reboot_count,
            count(*) as message_count,
            min(ingested_at) as first_ingested_at,
            max(ingested_at) as last_ingested_at
        from messages
        where filed_at >= calendar.start_time and filed_at < calendar.end_time
    ) as of_messages
    where calendar.production_date = device_days.production_date and message_count > 0
    offset 0
) as health
