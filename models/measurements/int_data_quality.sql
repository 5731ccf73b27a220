-- One row per sensor type, device, grain and period with messages: how good they are.
{%- set parts = [
    'completeness', 'validity', 'timeliness', 'regularity', 'uniqueness', 'clock',
] %}
with int_message_periods as (select * from {{ ref('int_message_periods') }}),

device_days as (

    select sensor_type, device_id, production_date, present_of_the_day
    from {{ ref('device_day_inputs') }}

),

production_periods as (select * from {{ ref('int_production_periods') }}),

-- Slots that are over: until the plant's present, on the hour.
due as (

    select
        int_message_periods.*,
        floor(
            greatest({{ seconds_between(
                'start_time', 'least(end_time, present_of_the_day)'
            ) }}, 0)
            / expected_interval_seconds
        ) as slots_due
    from int_message_periods
    inner join production_periods using (production_date, grain, start_time)
    inner join device_days using (sensor_type, device_id, production_date)

),

parts as (

    select
        *,
        case when slots_due > 0 then least(slots_hit / slots_due, 1) end
            as completeness,
        reading_count::numeric / nullif(reading_count + rejected_count, 0) as validity,
        on_time_count::numeric / nullif(reading_count, 0) as timeliness,
        regular_count::numeric / nullif(interval_count, 0) as regularity,
        reading_count::numeric / nullif(reading_count + duplicate_count, 0)
            as uniqueness,
        1 - clock_offset_count::numeric / nullif(reading_count, 0) as clock
    from due

)

select
    sensor_type, device_id, grain, production_date, start_time,
    {{ parts | join(', ') }},
    scores.data_quality_score, scores.data_quality_reasons
from parts
cross join lateral {{ data_quality(parts) }} as scores
