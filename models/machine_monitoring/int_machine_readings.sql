-- One row per machine message and metric: the value, and how long it holds.
with device_days as (select * from {{ days(['expected_interval_seconds']) }} as days),

int_machine_speeds as (select * from {{ ref('int_machine_speeds') }})

select
    readings.measurement_id,
    readings.sensor_type,
    readings.device_id,
    readings.metric,
    readings.value,
    -- A message that does not say is of the state that was told last.
    coalesce(readings.is_running, (
        select state = 'running' from {{ reads('int_machine_states') }} as states
        where states.starts_at <= readings.event_at
            and states.ends_at > readings.event_at
            and states.state <> 'unobserved'
    )) as is_running,
    readings.production_date,
    readings.event_at,
    {{ hour_of_week('readings.event_at') }} as hour_of_week,
    {{ holds_until(
        'coalesce(readings.next_reading_at, readings.last_seen_at)',
        'device_days.expected_interval_seconds'
    ) }} as holds_until,
    readings.next_reading_at
from device_days
left join int_machine_speeds as speeds
    on {{ is_same_device('device_days', 'speeds') }}
cross join lateral (
    select
        messages.*,
        measured.metric,
        measured.value::numeric as value,
        {{ is_machine_running('speeds.minimum_rpm') }} as is_running,
        lead(event_at) over (partition by measured.metric order by event_at)
            as next_reading_at,
        max(event_at) over () as last_seen_at
    from {{ reads('stg_machine_messages') }} as messages
    cross join lateral jsonb_each(messages.metrics) as measured (metric, value)
    where messages.verdict = 'reading'
    offset 0
) as readings
where readings.production_date = device_days.production_date
