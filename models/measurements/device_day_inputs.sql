-- One row per sensor type, device and production day from its first to its last, days
-- without messages included: the fingerprints of all that the day's facts depend on.
with days as (select * from {{ ref('int_neighbouring_days') }}),

-- The settings of a device and of shifts are put into words once, not for each day.
device_registry as (

    select *, to_jsonb(registry) as settings
    from (select * from {{ ref('device_registry') }}) as registry

),

shifts as (select * from {{ ref('shifts') }}),

-- Which shifts are valid changes on few dates.
shift_sets as (

    select
        valid_from,
        lead(valid_from, 1, 'infinity') over (order by valid_from) as replaced_on,
        (
            select jsonb_agg(to_jsonb(shifts) order by shifts.shift_index)
            from shifts
            where borders.valid_from between shifts.valid_from
                and coalesce(shifts.valid_to, date 'infinity')
        ) as shifts
    from (
        select valid_from from shifts
        union
        select valid_to + 1 from shifts where valid_to is not null
    ) as borders

),

final as (

    select
        days.sensor_type, days.device_id, days.message_count, days.reading_count,
        device_registry.production_line, device_registry.brick_type,
        {{ device_setting('ideal_rate_per_hour') }} as ideal_rate_per_hour,
        {{ device_setting('max_rate_per_hour') }} as max_rate_per_hour,
        {{ device_setting('expected_interval_seconds') }} as expected_interval_seconds,
        device_registry.counter_modulus,
        days.reads_from, days.reads_until, days.production_date,
        days.previous_reading_date, days.next_reading_date,
        -- The status of a period changes on the plant's hour, until it is final.
        {{ hour_start(
            "least(" ~ as_of() ~ ", "
            ~ local_moment('(days.production_date + 1)', day_start())
            ~ " + interval '" ~ var('final_after') ~ "')"
        ) }} as present_of_the_day,
        days.fingerprint,
        md5(row(device_registry.settings, shift_sets.shifts)::text)::uuid as settings
    from days
    left join shift_sets
        on days.production_date >= shift_sets.valid_from
        and days.production_date < shift_sets.replaced_on
    left join device_registry
        on days.device_id = upper(trim(device_registry.device_id))
        and days.sensor_type = lower(trim(device_registry.sensor_type))

)

select * from final
