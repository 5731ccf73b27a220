-- One row per device and flag of a rule about its messages: silence, a lost network, a
-- counter that strayed, counters that began anew together.
with devices as (select * from {{ ref('devices') }}),

counters as (
    select * from devices where sensor_type in {{ sensor_types('stg_brick_counts') }}
),

int_message_periods as (
    select * from {{ ref('int_message_periods') }}
    where grain = 'hour' and reading_count > 0
),

message_hours as (
    select * from {{ ref('int_brick_message_hours') }} where distrusted_count > 0
),

int_brick_increments as not materialized (
    select * from {{ ref('int_brick_increments') }}
),

downtime_events as (select * from {{ ref('downtime_events') }}),

counter_resets as (select * from {{ ref('counter_resets') }} where is_line_wide_reset),

limits as (
    select sensor_type, device_id, high as longest
    from {{ ref('device_thresholds') }}
    where metric = 'sensor_dead'
),

-- What is too long for an hour shows between the hours that have a reading.
silences as (
    select
        *, {{ seconds_between('starts_at', 'coalesce(ends_at, as_of)') }} as seconds
    from (
        select
            sensor_type, device_id,
            last_reading_at as starts_at,
            lead(first_reading_at) over (
                partition by sensor_type, device_id order by start_time
            ) as ends_at,
            {{ as_of() }} as as_of
        from int_message_periods
    ) as between_hours
),

-- Who was never registered and has not been heard of for long is no device of the plant.
sensor_dead as (
    select silences.*, limits.longest
    from silences
    inner join limits using (sensor_type, device_id)
    inner join devices using (sensor_type, device_id)
    where seconds >= longest and (
        is_registered or seconds
        <= extract(epoch from interval {{ literal(var('longest_bridged_gap')) }})
    )
),

comms_loss as (
    select
        sensor_type, device_id, started_at as starts_at, ended_at as ends_at,
        duration_seconds as seconds,
        {{ gap_seconds('expected_interval_seconds') }} as longest
    from downtime_events
    inner join counters using (device_id)
    inner join limits using (sensor_type, device_id)
    where kind = 'comms_loss'
        or (
            kind in ('sensor_silence', 'unknown_silence')
            and duration_seconds < limits.longest
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
    sensor_type, device_id, 'count', 'counter_glitch', count, previous_count, null, null,
    1,
    format('the counter showed %s%s, a %s',
        count, ' after ' || previous_count, counter_event),
    event_at, event_at
from counter_glitch
inner join counters using (device_id)
union all
select
    sensor_type, device_id, 'count', 'reset_storm', count, previous_count, null, null,
    1,
    format('%s of %s counters of the line began anew at once, this one at %s%s',
        reset_device_count, line_device_count, count, ' after ' || previous_count),
    event_at, event_at
from counter_resets
inner join counters using (device_id)
