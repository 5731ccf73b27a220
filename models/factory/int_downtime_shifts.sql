-- One row per device and shift with downtime, or errors just after it: seconds by kind,
-- failures, repairs, start-up errors.
with brick_production_stats as (
    select device_id, production_date, start_time, end_time
    from {{ ref('brick_production_stats') }}
),

downtime_events as (
    select
        downtime_events.*,
        limits.startup,
        kind = 'changeover' or duration_seconds >= limits.startup_after as starts_cold
    from (select * from {{ ref('downtime_events') }}) as downtime_events
    inner join (
        select
            device_id,
            max(high) filter (where metric = 'startup') * interval '1 second'
                as startup,
            max(low) filter (where metric = 'startup_after') as startup_after
        from {{ ref('device_thresholds') }}
        where sensor_type in {{ sensor_types('stg_brick_counts') }}
        group by device_id
    ) as limits on downtime_events.device_id = limits.device_id
    where is_downtime
),

int_brick_slices as not materialized (select * from {{ ref('int_brick_slices') }}),

downtime as (
    select
        stats.device_id,
        stats.start_time,
        {%- for loss, kinds in {
            'breakdown': ['breakdown'], 'changeover': ['changeover'],
            'external_idle': ['starved', 'blocked'],
        }.items() %}
        coalesce(sum({{ seconds_between(
            'greatest(events.started_at, stats.start_time)',
            'least(events.seen_until, stats.end_time)'
        ) }}) filter (where kind in ('{{ kinds | join("', '") }}')), 0)
            as {{ loss }}_seconds,
        {%- endfor %}
        count(*) filter (where fails_here) as breakdown_count,
        count(*) filter (where fails_here and is_end_seen) as repaired_count,
        sum(duration_seconds) filter (where fails_here and is_end_seen)
            as repair_seconds
    from downtime_events as events
    cross join lateral generate_series(
        events.production_date::timestamp,
        {{ production_date('events.seen_until') }}, '1 day'
    ) as touched
    inner join brick_production_stats as stats
        on events.device_id = stats.device_id
        and touched::date = stats.production_date
        and events.started_at < stats.end_time
        and events.seen_until > stats.start_time
    cross join lateral (
        select kind = 'breakdown' and events.started_at >= stats.start_time
            as fails_here
    ) as failures
    group by stats.device_id, stats.start_time
),

-- Each slice once, however many stops it follows.
startups as (
    select distinct
        events.device_id, followed.error_increment, followed.starts_at,
        followed.production_date
    from downtime_events as events
    cross join lateral (
        select slices.error_increment, slices.starts_at, slices.production_date
        from int_brick_slices as slices
        where slices.device_id = events.device_id
            and slices.production_date
            in ({{ production_date('ended_at') }},
                {{ production_date('(ended_at + startup)') }})
            and slices.starts_at >= events.ended_at
            and slices.starts_at < events.ended_at + events.startup
            and slices.error_increment > 0
            and not slices.is_gap
    ) as followed
    where events.starts_cold and events.is_end_seen
),

startup_errors as (
    select
        stats.device_id,
        stats.start_time,
        sum(startups.error_increment) as startup_error_count
    from startups
    inner join brick_production_stats as stats
        on startups.device_id = stats.device_id
        and startups.production_date = stats.production_date
        and startups.starts_at >= stats.start_time
        and startups.starts_at < stats.end_time
    group by stats.device_id, stats.start_time
)

select
    device_id,
    coalesce(breakdown_seconds, 0) as breakdown_seconds,
    coalesce(changeover_seconds, 0) as changeover_seconds,
    coalesce(external_idle_seconds, 0) as external_idle_seconds,
    coalesce(breakdown_count, 0) as breakdown_count,
    coalesce(repaired_count, 0) as repaired_count,
    repair_seconds,
    coalesce(startup_error_count, 0) as startup_error_count,
    start_time
from downtime
full join startup_errors using (device_id, start_time)
