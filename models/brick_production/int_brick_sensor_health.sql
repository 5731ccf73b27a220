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
    with messages as (
        select
            *,
            verdict in ('reading', 'health') as is_used,
            -- Uptime runs on over the change of day; where it falls, a device began.
            uptime_seconds < lag(uptime_seconds) over (
                partition by uptime_seconds is null, verdict in ('reading', 'health')
                order by event_at, measurement_id
            ) as is_reboot
        from {{ reads('stg_brick_counts') }} as messages_and_the_tail_before
    ),

    by_hour as materialized (
        select
            {{ hour_start('filed_at') }} as hour_start,
            sum(rssi_dbm) filter (where is_used) as rssi_sum,
            count(rssi_dbm) filter (where is_used) as rssi_count,
            min(rssi_dbm) filter (where is_used) as min_rssi_dbm,
            (
                array_agg(battery_percent order by event_at desc, measurement_id desc)
                    filter (where is_used and battery_percent is not null)
            )[1] as battery_percent_end,
            sum(temperature_celsius) filter (where is_used) as temperature_sum,
            count(temperature_celsius) filter (where is_used) as temperature_count,
            count(*) filter (where is_used and is_reboot) as reboot_count,
            count(*) as message_count,
            min(ingested_at) as first_ingested_at,
            max(ingested_at) as last_ingested_at
        from messages
        group by hour_start
    )

    select calendar.grain, of_hours.*, calendar.start_time
    from calendar
    cross join lateral (
        select
            round(sum(rssi_sum) / nullif(sum(rssi_count), 0), 3) as avg_rssi_dbm,
            min(min_rssi_dbm) as min_rssi_dbm,
            (
                array_agg(battery_percent_end order by hour_start desc)
                    filter (where battery_percent_end is not null)
            )[1] as battery_percent_end,
            round(sum(temperature_sum) / nullif(sum(temperature_count), 0), 3)
                as avg_temperature_celsius,
            sum(reboot_count) as reboot_count,
            sum(message_count) as message_count,
            min(first_ingested_at) as first_ingested_at,
            max(last_ingested_at) as last_ingested_at
        from by_hour
        where hour_start >= calendar.start_time and hour_start < calendar.end_time
    ) as of_hours
    where calendar.production_date = device_days.production_date and message_count > 0
    offset 0
) as health
