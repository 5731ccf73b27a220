-- One row per device and hour with messages: what they say, of the counter and of the
-- device itself, that adds up to any longer period.
with device_days as (select * from {{ days() }} as days)

select
    device_days.device_id,
    device_days.production_date,
    hours.*
from device_days
cross join lateral (
    with from_readings as (
        select
            {{ hour_start('event_at') }} as hour_start,
            sum(suspect_increment) as suspect_increment,
            count(*) as reading_count,
            count(*) filter (where counter_event like '%reset') as reset_count,
            count(*) filter (where counter_event in (
                'dip', 'spike', 'rollback', 'unexplained_reset', 'jump'
            )) as distrusted_count,
            sum(count::numeric) as count_sum,
            sum(count::numeric * count) as count_square_sum,
            min(count) as count_min,
            max(count) as count_max,
            (array_agg(measurement_id order by event_at))[1] as first_measurement_id,
            (array_agg(measurement_id order by event_at desc))[1]
                as last_measurement_id,
            (array_agg(count order by event_at desc) filter (where is_level))[1]
                as last_level
        from {{ reads('int_brick_increments') }} as increments
        group by hour_start
    ),

    messages as (
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

    from_messages as (
        select
            {{ hour_start('filed_at') }} as hour_start,
            count(*) as message_count,
            count(*) filter (where verdict = 'health') as health_count,
            count(*) filter (where verdict = 'rejected') as rejected_count,
            count(*) filter (where verdict = 'duplicate') as duplicate_count,
            count(*) filter (where is_used and is_reboot) as reboot_count,
            trim_scale(sum(rssi_dbm) filter (where is_used)) as rssi_sum,
            count(rssi_dbm) filter (where is_used) as rssi_count,
            min(rssi_dbm) filter (where is_used) as min_rssi_dbm,
            trim_scale(sum(temperature_celsius) filter (where is_used))
                as temperature_sum,
            count(temperature_celsius) filter (where is_used) as temperature_count,
            (
                array_agg(battery_percent order by event_at desc, measurement_id desc)
                    filter (where is_used and battery_percent is not null)
            )[1] as battery_percent_end,
            min(ingested_at) as first_ingested_at,
            max(ingested_at) as last_ingested_at
        from messages
        where production_date = device_days.production_date
        group by hour_start
    ),

    from_excursions as (
        select
            {{ hour_start('starts_at') }} as hour_start,
            count(*) filter (where excursion = 'dip') as dip_count,
            count(*) filter (where excursion = 'spike') as spike_count
        from {{ reads('int_brick_excursions') }} as excursions
        group by hour_start
    )

    select *
    from from_messages
    full join from_readings using (hour_start)
    full join from_excursions using (hour_start)
) as hours
