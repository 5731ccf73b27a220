-- One row per message that came for a day whose raw messages are no longer all kept: it
-- is rejected, and the day stays as it was built.
with int_message_days as (
    select * from {{ days(
        ['raw_messages_hash', 'raw_device_ids', 'odd_ids'], of='int_message_days'
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
    'too_late' as rejection_reason,
    '{}'::text[] as flags,
    messages.production_date,
    messages.event_at,
    messages.filed_at,
    messages.ingested_at
from int_message_days
cross join lateral
    {{ messages_of('stg_measurements', 'int_message_days') }} as messages
where not exists (
    select from {{ reads_verdicts(
        ['measurement_id'], 'int_message_days', but='stg_late_messages'
    ) }} as judged
    where judged.measurement_id = messages.measurement_id
)
