-- One row per stretch of time in which a machine ran, stood or was not observed, cut
-- at the hours and at the borders of planned stops.
with device_days as (
    select * from {{ days([
        'expected_interval_seconds', 'planned_stops'
    ]) }} as days
),

int_machine_speeds as (select * from {{ ref('int_machine_speeds') }}),

hours as materialized (
    select * from {{ ref('int_production_periods') }} where grain = 'hour'
)

select
    device_days.sensor_type,
    device_days.device_id,
    device_days.production_date,
    slices.*,
    {{ seconds_between('slices.starts_at', 'slices.ends_at') }} as seconds
from device_days
left join int_machine_speeds as speeds
    on {{ is_same_device('device_days', 'speeds') }}
cross join lateral (
    with messages as (
        select
            event_at,
            max(event_at) over () as last_seen_at,
            {{ is_machine_running('speeds.minimum_rpm') }} as is_running
        from {{ reads('stg_machine_messages') }} as messages
        where messages.verdict = 'reading'
        offset 0
    ),

    -- What was told last holds on, but not for long: after that nobody knows.
    told as (
        select
            event_at,
            case when is_running then 'running' else 'stopped' end as state,
            {{ holds_until(
                'coalesce(lead(event_at) over (order by event_at), last_seen_at)',
                'device_days.expected_interval_seconds'
            ) }} as holds_until
        from messages
        where is_running is not null
    ),

    known as (
        select state, range_agg(tstzrange(event_at, holds_until)) as stretches
        from told
        group by state
    ),

    states as (
        select state, false as is_planned, case state
            when 'stopped' then stretches - device_days.planned_stops else stretches
        end as stretches
        from known
        union all
        select state, true, stretches * device_days.planned_stops
        from known
        where state = 'stopped'
        union all
        select 'unobserved', false, tstzmultirange(tstzrange(
            min(event_at), max(event_at)
        )) - coalesce((select range_agg(stretches) from known), '{}')
        from messages
        having count(*) > 0
    )

    select
        state,
        is_planned,
        lower(stretch * tstzrange(start_time, end_time))
        = (select min(event_at) from messages) as is_first,
        lower(stretch * tstzrange(start_time, end_time)) as starts_at,
        upper(stretch * tstzrange(start_time, end_time)) as ends_at
    from states
    cross join lateral unnest(stretches) as stretch
    inner join hours
        on stretch && tstzrange(start_time, end_time)
        and device_days.production_date = hours.production_date
) as slices
