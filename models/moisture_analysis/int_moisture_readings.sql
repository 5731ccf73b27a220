-- One row per moisture reading: its value, and how long it holds.
with device_days as materialized (

    select *, {{ fingerprint() }} as day_fingerprint
    from (select * from {{ ref('device_day_inputs') }}) as days
    where sensor_type in {{ sensor_types('stg_moisture_readings') }}
        and reading_count > 0
        and {{ is_unbuilt() }}

),

stg_moisture_readings as not materialized (

    select * from {{ ref('stg_moisture_readings') }} where verdict = 'reading'

)

select
    device_days.day_fingerprint as fingerprint,
    readings.measurement_id,
    readings.device_id,
    readings.unit,
    readings.moisture,
    readings.temperature_celsius,
    readings.humidity_percent,
    readings.is_unit_guessed,
    readings.production_date,
    readings.event_at,
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
    from stg_moisture_readings
    where stg_moisture_readings.device_id = device_days.device_id
        and event_at >= device_days.reads_from
        and event_at < device_days.reads_until
    offset 0
) as readings
where readings.production_date = device_days.production_date
