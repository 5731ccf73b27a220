-- One row per sensor type, device and production day from its first to its last, days
-- without messages included: what its facts read of the days with readings beside it.
-- A day no longer between two with readings stays listed, for its rows to be deleted.
with device_days as (

    select
        *,
        -- One number of the whole plant's, for the joins below to have one key.
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

known_days as (

    select
        *,
        lead(production_date) over device_history as next_known_date,
        max(reading_day) over (
            device_history rows between unbounded preceding and 1 preceding
        ) as previous_reading_day,
        -- Backwards: a frame that loses rows is added up anew for each of them.
        min(reading_day) over (
            device_future rows between unbounded preceding and 1 preceding
        ) as next_reading_day
    from device_days
    window
        device_history as (
            partition by sensor_type, device_id order by production_date
        ),
        device_future as (
            partition by sensor_type, device_id order by production_date desc
        )

),

-- Each known day, and after it the silent ones up to the next.
days as (

    select
        sensor_type, device_id, message_count, reading_count, fingerprint,
        first_reading_at, previous_reading_day, next_reading_day, production_date
    from known_days
    union all
    select
        sensor_type, device_id, 0, 0, null, null,
        coalesce(reading_day, previous_reading_day), next_reading_day,
        silent_day::date
    from known_days
    cross join lateral generate_series(
        production_date + interval '1 day', next_known_date - interval '1 day', '1 day'
    ) as silent_days (silent_day)

),

final as (

    select
        days.sensor_type, days.device_id, days.message_count, days.reading_count,
        md5(row(
            days.fingerprint,
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
            next_day.first_reading_at + {{ edge_length() }}, 'infinity'
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
