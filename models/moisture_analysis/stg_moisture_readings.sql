-- One row per moisture message: its fields typed, with exactly one verdict.
{%- set same_as_survivor = 'moisture = first_moisture' %}
with int_message_days as (
    select * from {{ days(
        ['raw_device_ids', 'odd_ids'], of='int_message_days'
    ) }} as days
),

stg_measurements as not materialized (
    select * from {{ ref('stg_measurements') }}
),

int_moisture_units as (select * from {{ ref('int_moisture_units') }}),

judged_messages as (
    select messages_of_the_day.*, int_message_days.production_date as filed_on
    from int_message_days
    left join int_moisture_units as registered
        on {{ is_same_device('int_message_days', 'registered') }}
    cross join lateral (
        with messages as (
            select *
            from {{ messages_of('stg_measurements', 'int_message_days') }} as of_the_day
            offset 0
        ),

        field_values as (
            select
                messages.*,
                registered.unit as registered_unit,
                {{ json_first('payload', ['moisture']) }} as moisture_value,
                {{ json_first('payload', ['temperature']) }} as temperature_value,
                {{ json_first('payload', ['humidity']) }} as humidity_value
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
                    as humidity_percent,
                {{ clock_offset_seconds('payload', 'event_at') }}
                    as clock_offset_seconds
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
                moisture_number * case unit when 'percent' then 0.01 else 1 end as share
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
                    when share is null then 'missing_moisture'
                    when share not between 0 and 1 then 'moisture_out_of_range'
                    else 'reading'
                end as own_verdict,
                {{ plain_number('share') }} as moisture
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
    measurement_id, device_id, sensor_type,
    {{ verdict(same_as_survivor) }} as verdict,
    {{ rejection_reason(same_as_survivor) }} as rejection_reason,
    unit, case when own_verdict = 'reading' then moisture end as moisture,
    temperature_celsius, humidity_percent, clock_offset_seconds,
    {{ message_flags({
        'moisture': 'moisture_number', 'temperature': 'temperature_celsius',
        'humidity': 'humidity_percent',
    }, clock_offset='clock_offset_seconds') }}
    || case when registered_unit is null then array['unit_guessed'] else '{}' end
        as flags,
    filed_on as production_date, event_at, filed_at, ingested_at
from judged_messages
