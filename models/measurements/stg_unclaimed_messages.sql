-- One row per message of a sensor type that no domain takes: all of them are rejected.
with int_message_days as (
    select * from {{ days(
        ['raw_device_ids', 'odd_ids'], of='int_message_days'
    ) }} as days
),

stg_measurements as not materialized (
    select * from {{ ref('stg_measurements') }}
)

select
    messages.measurement_id,
    messages.device_id,
    messages.sensor_type,
    'rejected' as verdict,
    case
        when messages.envelope_rejection in (
            'missing_device_id', 'device_id_too_long'
        ) then messages.envelope_rejection
        else 'unknown_sensor_type'
    end as rejection_reason,
    '{}'::text[] as flags,
    messages.production_date,
    messages.event_at,
    messages.filed_at,
    messages.ingested_at
from int_message_days
cross join lateral
    {{ messages_of('stg_measurements', 'int_message_days') }} as messages
