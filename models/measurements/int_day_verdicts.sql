-- One row per sensor type, device and production day with messages: what became of
-- them.
with int_message_days as (select * from {{ days(of='int_message_days') }} as days)

select
    int_message_days.sensor_type,
    int_message_days.device_id,
    counts.*,
    int_message_days.production_date
from int_message_days
cross join lateral (
    select
        count(*) as message_count,
        count(*) filter (where verdict = 'reading') as reading_count,
        count(*) filter (where verdict = 'health') as health_count,
        count(*) filter (where verdict = 'duplicate') as duplicate_count,
        count(*) filter (where verdict = 'rejected') as rejected_count,
        count(*) filter (
            where verdict = 'reading'
                and {{ lag_seconds() }} > {{ var('late_seconds') }}
        ) as late_count,
        max({{ lag_seconds() }}) filter (where verdict = 'reading')
            as max_lag_seconds,
        min(event_at) filter (where verdict = 'reading') as first_reading_at,
        max(event_at) filter (where verdict = 'reading') as last_reading_at
    from {{ reads_verdicts(
        ['verdict', 'event_at', 'ingested_at'], 'int_message_days'
    ) }} as verdicts
) as counts
where counts.message_count > 0
