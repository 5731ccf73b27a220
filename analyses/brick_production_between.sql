-- One row per device: what it made from one moment to another, whatever the hours:
--
--   .venv/bin/dbt show -s brick_production_between --output json --limit 99 --vars \
--     '{device: SAU-LN-01, from: "2025-11-10 06:00+07", to: "2025-11-10 18:00+07"}'
--
-- Without `device` all of them, without `to` up to the newest event,
-- without `from` 12 hours back from there. Moments need their offset. Over whole hours,
-- shifts or days the numbers are those of the marts; inside a minute pieces are spread
-- evenly and whole.
with int_brick_slices as (select * from {{ ref('int_brick_slices') }}),

devices as (

    select * from {{ ref('devices') }}
    where sensor_type in {{ sensor_types('stg_brick_counts') }}
    {%- if var('device', none) %}
        and device_id = {{ device_key(literal(var('device'))) }}
    {%- endif %}

),

till as (

    select {% if var('to', none) %}timestamptz {{ literal(var('to')) }}
        {%- else %}{{ as_of() }}{% endif %} as ends_at

),

asked as (

    select
        {% if var('from', none) %}timestamptz {{ literal(var('from')) }}
        {%- else %}ends_at - interval '12 hours'{% endif %} as starts_at,
        ends_at
    from till

),

segments as (

    select
        int_brick_slices.*,
        greatest(int_brick_slices.starts_at, asked.starts_at) as from_at,
        least(int_brick_slices.ends_at, asked.ends_at) as until_at
    from asked
    cross join devices
    inner join int_brick_slices
        on devices.device_id = int_brick_slices.device_id
        and asked.ends_at > int_brick_slices.starts_at
        and asked.starts_at < int_brick_slices.ends_at
        and int_brick_slices.production_date
        between {{ production_date('asked.starts_at') }} - 1
        and {{ production_date('asked.ends_at') }}

),

parts as (

    select
        segments.device_id,
        segments.state,
        segments.is_gap,
        {{ whole_share('segments.count_increment', 'part') }} as count_increment,
        {{ whole_share('segments.error_increment', 'part') }} as error_increment,
        {{ seconds_between('part.starts_at', 'part.ends_at') }} as seconds
    from segments
    cross join lateral (
        select segments.from_at as starts_at, segments.until_at as ends_at
    ) as part

),

sums as (

    select
        device_id,
        sum(count_increment)::bigint as count_increment,
        sum(count_increment) filter (where is_gap)::bigint as estimated_increment,
        sum(count_increment) filter (where not is_gap)::bigint as measured_increment,
        sum(error_increment) filter (where not is_gap)::bigint as error_count,
        {%- for state in brick_states() %}
        coalesce(sum(seconds) filter (where state = '{{ state }}'), 0)
            as {{ state }}_seconds,
        {%- endfor %}
        coalesce(sum(seconds) filter (
            where state not in ('planned_stop', 'unobserved')
        ), 0) as observed_busy_seconds
    from parts
    group by device_id

)

select
    devices.device_id,
    asked.starts_at,
    asked.ends_at,
    sums.count_increment,
    sums.measured_increment,
    sums.estimated_increment,
    sums.error_count,
    round(sums.error_count::numeric / nullif(sums.measured_increment, 0), 6)
        as error_rate,
    round(sums.measured_increment * 3600 / nullif(sums.observed_busy_seconds, 0), 3)
        as avg_speed,
    sums.running_seconds + sums.slow_seconds as running_seconds,
    sums.micro_stop_seconds,
    sums.downtime_seconds,
    sums.planned_stop_seconds,
    -- The rest: gaps, and the time before the first level and after the last.
    {{ seconds_between('asked.starts_at', 'asked.ends_at') }}
    - coalesce(sums.observed_busy_seconds + sums.planned_stop_seconds, 0)
        as unobserved_seconds
from asked
cross join devices
left join sums on devices.device_id = sums.device_id
order by devices.device_id
