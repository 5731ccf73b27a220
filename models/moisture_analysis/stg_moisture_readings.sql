-- One row per moisture message: its fields typed, with exactly one verdict.
{%- set same_as_survivor = 'moisture = first_moisture' %}
with stg_measurements as (select * from {{ ref('stg_measurements') }}),

int_message_days as materialized (

    select *, {{ fingerprint() }} as fingerprint
    from (select * from {{ ref('int_message_days') }}) as days
    where sensor_type in {{ sensor_types('stg_moisture_readings') }}
        and message_count > 0
        and {{ is_unbuilt() }}

),

judged_messages as (

    select
        int_message_days.fingerprint,
        messages_of_the_day.*
    from int_message_days
    cross join lateral (
        with messages as (
            select * from stg_measurements
            where {{ is_of_device_day('int_message_days') }}
            offset 0
        ),

        field_values as (
            select
                *,
                {{ json_first('payload', ['moisture']) }} as moisture_value,
                {{ json_first('payload', ['temperature']) }} as temperature_value,
                {{ json_first('payload', ['humidity']) }} as humidity_value,
                {{ registered_unit('int_message_days') }} as registered_unit
            from messages
            offset 0
        ),

        typed as (
            select
                *,
                {{ json_number('moisture_value') }} as moisture_number,
                {{ json_number_within('temperature_value', 'air_temperature') }}
                    as temperature_celsius,
                {{ json_number_within('humidity_value', 'humidity') }}
                    as humidity_percent
            from field_values
            offset 0
        ),

        -- Nobody said what the numbers are: a day without one above 1 has fractions.
        with_unit as (
            select
                *,
                coalesce(registered_unit, case
                    when max(moisture_number) filter (
                        where envelope_rejection is null
                    ) over () > 1 then 'percent'
                    else 'fraction'
                end) as unit
            from typed
        ),

        judged as (
            select
                *,
                -- Times 0.01 keeps the digits as they are, a division would add some.
                moisture_number * case unit when 'percent' then 0.01 else 1 end
                    as moisture
            from with_unit
        ),

        with_verdict as (
            select
                *,
                case
                    when envelope_rejection is not null then envelope_rejection
                    when {{ is_health_message(
                        'moisture', var('sensor_health_fields')
                    ) }} then 'health'
                    when moisture is null then 'missing_moisture'
                    when moisture not between 0 and 1 then 'moisture_out_of_range'
                    else 'reading'
                end as own_verdict
            from judged
        )

        select
            *,
            row_number() over readings_of_the_moment as moment_rank,
            first_value(moisture) over readings_of_the_moment as first_moisture
        from with_verdict
        window readings_of_the_moment as (
            partition by own_verdict, event_at
            order by ingested_at desc nulls last, measurement_id desc
        )
    ) as messages_of_the_day

)

select
    fingerprint, measurement_id, device_id, sensor_type,
    {{ verdict(same_as_survivor) }} as verdict,
    {{ rejection_reason(same_as_survivor) }} as rejection_reason,
    unit,
    case when own_verdict = 'reading' then moisture end as moisture,
    temperature_celsius, humidity_percent,
    {{ clock_offset_seconds('payload', 'event_at') }} as clock_offset_seconds,
    {{ message_flags({
        'moisture': 'moisture_number', 'temperature': 'temperature_celsius',
        'humidity': 'humidity_percent',
    }) }}
    || case when registered_unit is null then array['unit_guessed'] else '{}' end
        as flags,
    production_date, event_at, filed_at, ingested_at
from judged_messages
