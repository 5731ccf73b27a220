-- One row per sensor type, device and production day from its first to its last, days
-- without messages included: the fingerprints of all that the day's facts depend on.
-- A day no longer between two with readings stays listed, for its rows to be deleted.
with device_days as (

    select
        *,
        case when reading_count > 0 then production_date end as read_on
    from {{ ref('device_days') }}

),

device_registry as (select * from {{ ref('device_registry') }}),

shifts as (select * from {{ ref('shifts') }}),

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

calendar as (

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
        max(device_days.read_on) over (
            device_history rows between unbounded preceding and 1 preceding
        ) as previous_reading_date,
        min(device_days.read_on) over (
            device_history rows between 1 following and unbounded following
        ) as next_reading_date
    from calendar
    left join device_days on {{ is_same_device_day('calendar', 'device_days') }}
    window device_history as (
        partition by calendar.sensor_type, calendar.device_id
        order by calendar.production_date
    )

)

select
    days.sensor_type, days.device_id, days.message_count, days.reading_count,
    device_registry.production_line, device_registry.brick_type,
    {{ device_setting('ideal_rate_per_hour') }} as ideal_rate_per_hour,
    {{ device_setting('max_rate_per_hour') }} as max_rate_per_hour,
    {{ device_setting('expected_interval_seconds') }} as expected_interval_seconds,
    device_registry.counter_modulus,
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
    days.previous_reading_date, days.next_reading_date,
    -- The status of a period changes on the plant's hour, until it is final.
    {{ hour_start(
        "least(" ~ as_of() ~ ", "
        ~ local_moment('(days.production_date + 1)', day_start())
        ~ " + interval '" ~ var('final_after') ~ "')"
    ) }} as present_of_the_day,
    md5(row(
        days.messages_fingerprint,
        previous_day.tail_hash,
        case
            when previous_day.tail_starts_at is null
                then previous_day.earlier_tail_hash
        end,
        next_day.head_hash
    )::text)::uuid as fingerprint,
    md5(row(
        to_jsonb(device_registry),
        (
            select jsonb_agg(to_jsonb(shifts) order by shifts.shift_index)
            from shifts
            where days.production_date between shifts.valid_from
                and coalesce(shifts.valid_to, date 'infinity')
        )
    )::text)::uuid as settings
from days
left join reading_days as previous_day
    on {{ is_same_device('days', 'previous_day') }}
    and days.previous_reading_date = previous_day.production_date
left join reading_days as next_day
    on {{ is_same_device('days', 'next_day') }}
    and days.next_reading_date = next_day.production_date
left join device_registry
    on days.device_id = upper(trim(device_registry.device_id))
    and days.sensor_type = lower(trim(device_registry.sensor_type))
