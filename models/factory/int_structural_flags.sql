-- One row per device and flag of a rule about its messages: silence, a lost network, a
-- counter that strayed, counters that began anew together.
with devices as (select * from {{ ref('devices') }}),

counters as (
    select * from devices where sensor_type in {{ sensor_types('stg_brick_counts') }}
),

int_silences as (select * from {{ ref('int_silences') }}),

message_hours as (
    select * from {{ ref('int_brick_message_hours') }} where distrusted_count > 0
),

int_brick_increments as not materialized (
    select * from {{ ref('int_brick_increments') }}
),

downtime_events as (select * from {{ ref('downtime_events') }}),

counter_resets as (select * from {{ ref('counter_resets') }} where is_line_wide_reset),

sensor_dead as (
    select *, dead_from as longest from int_silences where seconds >= dead_from
),

-- Of a counter the line tells whether it was the network: see downtime_events.
comms_loss as (
    select sensor_type, device_id, starts_at, ends_at, seconds, gap_from as longest
    from int_silences
    where seconds < dead_from
        and sensor_type not in {{ sensor_types('stg_brick_counts') }}
    union all
    select
        counters.sensor_type, counters.device_id, started_at, ended_at,
        duration_seconds,
        {{ gap_seconds('expected_interval_seconds') }}
    from downtime_events
    inner join counters using (device_id)
    inner join (
        select device_id, sensor_type, high as dead_from
        from {{ ref('device_thresholds') }}
        where metric = 'sensor_dead'
    ) as limits using (sensor_type, device_id)
    where duration_seconds >= {{ gap_seconds('expected_interval_seconds') }}
        and (
            kind = 'comms_loss'
            or kind in ('sensor_silence', 'unknown_silence')
            and duration_seconds < dead_from
        )
),

-- Strays are rare: each is looked up by index in its hour.
counter_glitch as (
    select events.*, message_hours.device_id
    from message_hours
    cross join lateral (
        select counter_event, count, previous_count, event_at
        from int_brick_increments
        where int_brick_increments.device_id = message_hours.device_id
            and event_at >= message_hours.hour_start
            and event_at < message_hours.hour_start + interval '1 hour'
            and counter_event in ('dip', 'spike', 'rollback')
        offset 0
    ) as events
)

{% for rule in ['sensor_dead', 'comms_loss'] -%}
select
    sensor_type, device_id, 'readings' as metric, '{{ rule }}' as rule,
    seconds::double precision as observed,
    null::double precision as expected, null::double precision as lower,
    longest::double precision as upper,
    (seconds / longest)::double precision as strength,
    format('no reading for %s, where %s is the longest to be expected',
        {{ in_words("seconds * interval '1 s'") }},
        {{ in_words("longest * interval '1 s'") }}) as explanation,
    starts_at, ends_at
from {{ rule }}
union all
{% endfor -%}
select
    sensor_type, device_id, 'count', 'counter_glitch', count, previous_count,
    null, null, 1,
    format('the counter showed %s%s, a %s',
        count, ' after ' || previous_count, counter_event),
    event_at as starts_at, event_at as ends_at
from counter_glitch
inner join counters using (device_id)
union all
select
    sensor_type, device_id, 'count', 'reset_storm', count, previous_count,
    null, null, 1,
    format('%s of %s counters of the line began anew at once, this one at %s%s',
        reset_device_count, line_device_count, count, ' after ' || previous_count),
    event_at as starts_at, event_at as ends_at
from counter_resets
inner join counters using (device_id)
