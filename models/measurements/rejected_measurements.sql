-- One row per message that no number uses because it is broken or came too late, with
-- the reason.
with device_days as (select * from {{ days() }} as days)

select
    messages.measurement_id,
    messages.device_id,
    messages.sensor_type,
    messages.rejection_reason as reason,
    messages.production_date,
    messages.filed_at,
    messages.ingested_at
from device_days
cross join lateral {{ reads_verdicts([
    'measurement_id', 'device_id', 'sensor_type', 'verdict', 'rejection_reason',
    'production_date', 'filed_at', 'ingested_at',
]) }} as messages
where messages.verdict = 'rejected'
