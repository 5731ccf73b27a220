-- One row per machine message and metric: the value, and how long it holds.
with device_days as materialized (

    select
        *,
        {{ minimum_rpm('days') }} as minimum_rpm,
        {{ fingerprint() }} as day_fingerprint
    from (select * from {{ ref('device_day_inputs') }}) as days
    where sensor_type in {{ sensor_types('stg_machine_messages') }}
        and reading_count > 0
        and {{ is_unbuilt() }}

),

stg_machine_messages as not materialized (

    select * from {{ ref('stg_machine_messages') }} where verdict = 'reading'

),

int_machine_states as not materialized (

    select * from {{ ref('int_machine_states') }}

)

select
    device_days.day_fingerprint as fingerprint,
    readings.measurement_id,
    readings.sensor_type,
    readings.device_id,
    readings.metric,
    readings.value,
    -- A message that does not say is of the state that was told last.
    coalesce(readings.is_running, (
        select state = 'running' from int_machine_states as states
        where states.device_id = readings.device_id
            and states.sensor_type = readings.sensor_type
            and states.production_date = readings.production_date
            and states.starts_at <= readings.event_at
            and states.ends_at > readings.event_at
            and states.state <> 'unobserved'
    )) as is_running,
    readings.production_date,
    readings.event_at,
    {{ holds_until(
        'coalesce(readings.next_reading_at, readings.last_seen_at)',
        'device_days.expected_interval_seconds'
    ) }} as holds_until,
    readings.next_reading_at
from device_days
cross join lateral (
    select
        messages.*,
        measured.metric,
        measured.value::numeric as value,
        {{ is_machine_running('device_days.minimum_rpm') }} as is_running,
        lead(event_at) over (partition by measured.metric order by event_at)
            as next_reading_at,
        max(event_at) over () as last_seen_at
    from stg_machine_messages as messages
    cross join lateral jsonb_each(messages.metrics) as measured (metric, value)
    where messages.device_id = device_days.device_id
        and messages.sensor_type = device_days.sensor_type
        and event_at >= device_days.reads_from
        and event_at < device_days.reads_until
    offset 0
) as readings
where readings.production_date = device_days.production_date
