-- One row per sensor type, device and production day from its first to its last, days
-- without messages included: what its facts read of the days with readings beside it.
-- A day no longer between two with readings stays listed, for its rows to be deleted.
with device_days as (

    select
        *,
        -- One number of the whole plant's: joins by it, and the calendar being held at
        -- hand, keep the planner from comparing each day of a device with all of them.
        case when reading_count > 0 then row_number() over (
            order by sensor_type, device_id, production_date
        ) end as reading_day
    from {{ ref('device_days') }}

),

reading_days as (

    select
        *,
        lag(tail_hash) over device_history as earlier_tail_hash,
        lag(coalesce(tail_starts_at, first_reading_at)) over device_history
            as earlier_tail_starts_at
    from device_days
    where reading_count > 0
    window device_history as (
        partition by sensor_type, device_id order by production_date
    )

),

calendar as materialized (

    select
        sensor_type,
        device_id,
        generate_series(
            min(production_date)::timestamp, max(production_date), '1 day'
        )::date as production_date
    from device_days
    group by sensor_type, device_id

),

days as (

    select
        calendar.*,
        device_days.fingerprint as messages_fingerprint,
        coalesce(device_days.message_count, 0) as message_count,
        coalesce(device_days.reading_count, 0) as reading_count,
        device_days.first_reading_at,
        max(device_days.reading_day) over (
            device_history rows between unbounded preceding and 1 preceding
        ) as previous_reading_day,
        -- Backwards: a frame that loses rows is added up anew for each of them.
        min(device_days.reading_day) over (
            device_future rows between unbounded preceding and 1 preceding
        ) as next_reading_day
    from calendar
    left join device_days on {{ is_same_device_day('calendar', 'device_days') }}
    window
        device_history as (
            partition by calendar.sensor_type, calendar.device_id
            order by calendar.production_date
        ),
        device_future as (
            partition by calendar.sensor_type, calendar.device_id
            order by calendar.production_date desc
        )

),

final as (

    select
        days.sensor_type, days.device_id, days.message_count, days.reading_count,
        md5(row(
            days.messages_fingerprint,
            previous_day.tail_hash,
            case
                when previous_day.tail_starts_at is null
                    then previous_day.earlier_tail_hash
            end,
            next_day.head_hash
        )::text)::uuid as fingerprint,
        -- Two tails where the previous one is too short to begin with a level.
        coalesce(
            previous_day.tail_starts_at,
            previous_day.earlier_tail_starts_at,
            previous_day.first_reading_at,
            days.first_reading_at
        ) as reads_from,
        coalesce(
            next_day.first_reading_at + {{ head_length() }}, 'infinity'
        ) as reads_until,
        days.production_date,
        previous_day.production_date as previous_reading_date,
        next_day.production_date as next_reading_date
    from days
    left join reading_days as previous_day
        on days.previous_reading_day = previous_day.reading_day
    left join reading_days as next_day
        on days.next_reading_day = next_day.reading_day

)

select * from final
