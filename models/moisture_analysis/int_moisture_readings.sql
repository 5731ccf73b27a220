-- One row per moisture reading: its value, and how long it holds.
with device_days as (select * from {{ days(['expected_interval_seconds']) }} as days)

select
    readings.measurement_id,
    readings.device_id,
    readings.unit,
    readings.moisture,
    readings.temperature_celsius,
    readings.humidity_percent,
    readings.is_unit_guessed,
    readings.production_date,
    readings.event_at,
    {{ hour_of_week('readings.event_at') }} as hour_of_week,
    {{ holds_until(
        'readings.next_reading_at', 'device_days.expected_interval_seconds'
    ) }} as holds_until,
    readings.next_reading_at
from device_days
cross join lateral (
    select
        *,
        'unit_guessed' = any(flags) as is_unit_guessed,
        lead(event_at) over (order by event_at) as next_reading_at
    from {{ reads('stg_moisture_readings') }} as messages
    where verdict = 'reading'
    offset 0
) as readings
where readings.production_date = device_days.production_date
