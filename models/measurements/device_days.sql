-- One row per sensor type, device and production day that has messages or lies between
-- two with readings: what became of the messages, and the settings of the day.
with int_days as (select * from {{ ref('int_days') }}),

int_line_days as (select * from {{ ref('int_line_days') }}),

device_registry as (
    select distinct on (spelling.device_id, spelling.sensor_type)
        spelling.*,
        production_line, stage, location, brick_type, machine_type,
        coalesce(error_counter_means, 'scrap') as error_counter_means,
        ideal_rate_per_hour, max_rate_per_hour, target_rate_per_hour,
        expected_interval_seconds, counter_modulus
    from (select * from {{ ref('device_registry') }}) as registered
    cross join lateral (
        select
            {{ device_key('registered.device_id') }} as device_id,
            {{ sensor_type_key('registered.sensor_type') }} as sensor_type
    ) as spelling
    order by spelling.device_id, spelling.sensor_type, registered.commissioned_on
),

plant as (select {{ as_of('int_days') }} as as_of)

select
    int_days.*,
    device_registry.production_line,
    device_registry.stage,
    device_registry.location,
    device_registry.brick_type,
    device_registry.machine_type,
    coalesce(device_registry.error_counter_means, 'scrap') as error_counter_means,
    device_registry.ideal_rate_per_hour as registered_ideal_rate_per_hour,
    {{ device_setting('ideal_rate_per_hour') }} as ideal_rate_per_hour,
    {{ device_setting('max_rate_per_hour') }} as max_rate_per_hour,
    device_registry.target_rate_per_hour,
    {{ device_setting('expected_interval_seconds') }} as expected_interval_seconds,
    device_registry.counter_modulus,
    int_line_days.planned_stops,
    int_line_days.assigned_brick_types,
    int_line_days.assigned_from,
    int_line_days.assigned_until,
    -- How far the calendar of the day goes: to its end, or to the plant's present.
    least(
        plant.as_of, {{ local_moment('(production_date + 1)', day_start()) }}
    ) as calendar_until,
    -- The status of a period changes on the plant's hour, until it is final.
    {{ hour_start(
        'least(plant.as_of, ' ~ local_moment('(production_date + 1)', day_start())
        ~ ' + interval ' ~ literal(var('final_after')) ~ ')'
    ) }} as present_of_the_day
from int_days
cross join plant
left join device_registry using (sensor_type, device_id)
left join int_line_days using (production_date)
where int_line_days.production_line
    is not distinct from device_registry.production_line
