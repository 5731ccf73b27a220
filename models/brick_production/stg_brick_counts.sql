-- One row per brick-counter message: its fields typed, with exactly one verdict.
{%- set same_as_survivor = 'count_number = first_count'
    ~ ' and coalesce(errors, -1) = coalesce(first_errors, -1)' %}
with int_message_days as (
    select * from {{ days(
        ['raw_device_ids', 'odd_ids'], of='int_message_days'
    ) }} as days
),

stg_measurements as not materialized (
    select * from {{ ref('stg_measurements') }}
),

-- Each device-day is read by index and sorted in memory, on its own.
judged_messages as (
    select messages_of_the_day.*, int_message_days.production_date as filed_on
    from int_message_days
    cross join lateral (
        with messages as (
            select *
            from {{ messages_of('stg_measurements', 'int_message_days') }} as of_the_day
            offset 0
        ),

        field_values as (
            select
                *,
                {{ json_first('payload', ['count']) }} as count_value,
                {{ json_first('payload', var('error_names')) }} as error_count_value,
                {{ json_first('payload', ['rssi']) }} as rssi_value,
                {{ json_first('payload', ['battery']) }} as battery_value,
                {{ json_first('payload', ['temperature']) }} as temperature_value,
                {{ json_first('payload', ['uptime']) }} as uptime_value
            from messages
            offset 0
        ),

        typed as (
            select
                *,
                {{ json_number('count_value') }} as count_number,
                {{ json_number_within('error_count_value', 'error_count') }} as errors,
                {{ json_number_within('rssi_value', 'rssi') }} as rssi_dbm,
                {{ json_number_within('battery_value', 'battery') }} as battery_percent,
                {{ json_number_within('temperature_value', 'temperature') }}
                    as temperature_celsius,
                {{ json_number_within('uptime_value', 'uptime') }} as uptime_seconds,
                {{ clock_offset_seconds('payload', 'event_at') }}
                    as clock_offset_seconds
            from field_values
            offset 0
        ),

        judged as (
            select
                *,
                case
                    when envelope_rejection is not null then envelope_rejection
                    when count_value is null and error_count_value is null
                        and {{ is_health_message('count') }} then 'health'
                    when count_value is null then 'missing_count'
                    when count_number is null then 'count_not_a_number'
                    when count_number <> trunc(count_number) then 'count_not_integral'
                    when count_number < 0 then 'count_negative'
                    when count_number > {{ var('max_count') }} then 'count_too_large'
                    else 'reading'
                end as own_verdict
            from typed
        )

        select
            *,
            row_number() over readings_of_the_moment as moment_rank,
            first_value(count_number) over readings_of_the_moment as first_count,
            first_value(errors) over readings_of_the_moment as first_errors
        from judged
        window readings_of_the_moment as (
            partition by own_verdict, event_at
            order by ingested_at desc nulls last, measurement_id desc
        )
    ) as messages_of_the_day
)

select
    measurement_id,
    device_id,
    sensor_type,
    {{ verdict(same_as_survivor) }} as verdict,
    {{ rejection_reason(same_as_survivor) }} as rejection_reason,
    case when own_verdict = 'reading' then count_number::bigint end as count,
    errors::bigint as error_count,
    rssi_dbm,
    battery_percent,
    temperature_celsius,
    uptime_seconds,
    clock_offset_seconds,
    {{ message_flags({
        'count': 'count_number', 'error_count': 'errors', 'rssi': 'rssi_dbm',
        'battery': 'battery_percent', 'temperature': 'temperature_celsius',
        'uptime': 'uptime_seconds',
    }, clock_offset='clock_offset_seconds') }} as flags,
    filed_on as production_date,
    event_at,
    filed_at,
    ingested_at
from judged_messages
