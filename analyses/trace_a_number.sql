-- One row per message of a brick counter in a time: what became of it, down to the
-- payload as it came. A number of `brick_production_stats*` is traced by the row's own
-- device_id, start_time and end_time:
--
--   .venv/bin/dbt show -s trace_a_number --output json --limit 999 --vars \
--     '{device: SAU-LN-01, from: "2025-11-10 08:00+07", to: "2025-11-10 09:00+07"}'
--
-- Its bricks are the sum of count_increment here, but that a step across the border of
-- the period is shared with the period beside it (int_brick_slices). Without `device`,
-- `from` and `to`: the hour with the most bricks.
with asked as (

    {%- if var('device', none) %}
    select
        {{ device_key(literal(var('device'))) }} as device_id,
        timestamptz {{ literal(var('from')) }} as starts_at,
        timestamptz {{ literal(var('to')) }} as ends_at
    {%- else %}
    select device_id, start_time as starts_at, end_time as ends_at
    from {{ ref('brick_production_stats_hourly') }}
    order by count_increment desc nulls last, start_time asc, device_id asc
    limit 1
    {%- endif %}

),

int_message_days as (select * from {{ ref('int_message_days') }}),

stg_measurements as (select * from {{ ref('stg_measurements') }}),

stg_brick_counts as (select * from {{ ref('stg_brick_counts') }}),

int_brick_increments as (select * from {{ ref('int_brick_increments') }}),

int_brick_steps as (select * from {{ ref('int_brick_steps') }})

select
    messages.measurement_id,
    verdicts.verdict,
    verdicts.rejection_reason,
    verdicts.filed_at,
    increments.counter_event,
    increments.previous_measurement_id,
    increments.previous_count,
    increments.count,
    increments.count_increment,
    increments.suspect_increment,
    increments.error_increment,
    increments.is_gap,
    steps.state as step_state,
    steps.ends_at as step_ends_at,
    verdicts.ingested_at,
    messages.payload
from asked
inner join int_message_days as days
    on asked.device_id = days.device_id
    and days.sensor_type in {{ sensor_types('stg_brick_counts') }}
    and days.production_date between {{ production_date('asked.starts_at') }}
    and {{ production_date('asked.ends_at') }}
cross join lateral (
    select measurement_id, payload
    from {{ messages_of('stg_measurements', 'days') }} as of_the_day
) as messages
inner join stg_brick_counts as verdicts
    on days.device_id = verdicts.device_id
    and days.production_date = verdicts.production_date
    and messages.measurement_id = verdicts.measurement_id
    and asked.starts_at <= verdicts.filed_at
    and asked.ends_at > verdicts.filed_at
left join int_brick_increments as increments
    on verdicts.device_id = increments.device_id
    and verdicts.production_date = increments.production_date
    and verdicts.measurement_id = increments.measurement_id
left join int_brick_steps as steps
    on increments.device_id = steps.device_id
    and increments.production_date = steps.production_date
    and increments.is_level
    and increments.event_at > steps.starts_at
    and increments.event_at <= steps.ends_at
order by verdicts.filed_at, messages.measurement_id
