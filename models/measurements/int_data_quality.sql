-- One row per sensor type, device, grain and period with messages: how good they are.
{%- set parts = [
    'completeness', 'validity', 'timeliness', 'regularity', 'uniqueness', 'clock',
] %}
with device_days as (select * from {{ days(['present_of_the_day']) }} as days),

production_periods as (select * from {{ ref('int_production_periods') }}),

-- Slots that are over: until the plant's present, on the hour.
due as (
    select
        messages.*,
        floor(
            greatest({{ seconds_between(
                'messages.start_time',
                'least(end_time, device_days.present_of_the_day)'
            ) }}, 0)
            / expected_interval_seconds
        ) as slots_due
    from device_days
    cross join lateral {{ reads('int_message_periods') }} as messages
    inner join production_periods
        on messages.production_date = production_periods.production_date
        and messages.grain = production_periods.grain
        and messages.start_time = production_periods.start_time
),

parts as (
    select
        *,
        case when slots_due > 0 then trim_scale(least(slots_hit / slots_due, 1)) end
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
