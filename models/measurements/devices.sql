-- One row per device and sensor type: its settings, and when it was seen.
with device_days as (select * from {{ ref('device_days') }}),

device_registry as (select * from {{ ref('device_registry') }}),

registered as (
    select
        {{ device_key('device_id') }} as registered_id,
        {{ sensor_type_key('sensor_type') }} as registered_type,
        *
    from device_registry
),

seen as (
    select
        sensor_type,
        device_id,
        sum(message_count)::bigint as message_count,
        min(first_reading_at) as first_reading_at,
        max(last_reading_at) as last_reading_at
    from device_days
    group by sensor_type, device_id
)

select
    coalesce(seen.device_id, registered.registered_id) as device_id,
    coalesce(seen.sensor_type, registered.registered_type) as sensor_type,
    {{ device_position('coalesce(seen.device_id, registered.registered_id)') }}
        as position,
    {{ device_number('coalesce(seen.device_id, registered.registered_id)') }}
        as device_number,
    registered.workshop,
    registered.production_line,
    registered.stage,
    registered.location,
    registered.brick_type,
    registered.machine_type,
    registered.unit,
    coalesce(registered.error_counter_means, 'scrap') as error_counter_means,
    {{ device_setting('ideal_rate_per_hour', 'registered') }}
        as ideal_rate_per_hour,
    {{ device_setting('max_rate_per_hour', 'registered') }} as max_rate_per_hour,
    registered.target_rate_per_hour::numeric as target_rate_per_hour,
    {{ device_setting('expected_interval_seconds', 'registered') }}
        as expected_interval_seconds,
    registered.counter_modulus::bigint as counter_modulus,
    coalesce(seen.message_count, 0) as message_count,
    registered.registered_id is not null as is_registered,
    coalesce(registered.commissioned_on, {{ earliest_date() }}) as commissioned_on,
    seen.first_reading_at,
    seen.last_reading_at
from seen
full join registered
    on seen.device_id = registered.registered_id
    and seen.sensor_type = registered.registered_type
