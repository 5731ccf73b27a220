-- One row per grain (hour, shift, day), device and period with messages: what they say
-- of the device itself, and when they came.
with device_days as (select * from {{ days() }} as days),

calendar as materialized (select * from {{ ref('int_production_periods') }})

select
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
            uptime_seconds < lag(uptime_seconds) over (
                partition by uptime_seconds is null, verdict in ('reading', 'health')
                order by event_at, measurement_id
            ) as is_reboot
        from {{ reads('stg_brick_counts') }} as messages_and_the_tail_before
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
