-- One row per stretch of time in which a machine ran, stood or was not observed, cut
-- at the hours and at the borders of planned stops.
-- depends_on: {{ ref('planned_stops') }}
with device_days as materialized (

    select
        *,
        {{ minimum_rpm('days') }} as minimum_rpm,
        {{ fingerprint() }} as day_fingerprint
    from (select * from {{ ref('device_day_inputs') }}) as days
    where sensor_type in {{ sensor_types('stg_machine_messages') }}
        and {{ is_unbuilt() }}

),

stg_machine_messages as not materialized (

    select * from {{ ref('stg_machine_messages') }} where verdict = 'reading'

),

int_line_calendar as (

    select * from {{ ref('int_line_calendar') }} where planned_stop is not null

),

hours as materialized (

    select * from {{ ref('int_production_periods') }} where grain = 'hour'

)

select
    device_days.day_fingerprint as fingerprint,
    device_days.sensor_type,
    device_days.device_id,
    device_days.production_date,
    slices.*,
    {{ seconds_between('starts_at', 'ends_at') }} as seconds
from device_days
cross join lateral (
    with messages as (
        select
            event_at,
            max(event_at) over () as last_seen_at,
            {{ is_machine_running('device_days.minimum_rpm') }} as is_running
        from stg_machine_messages as messages
        where messages.device_id = device_days.device_id
            and messages.sensor_type = device_days.sensor_type
            and event_at >= device_days.reads_from
            and event_at < device_days.reads_until
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

    planned as (
        select coalesce(range_agg(tstzrange(starts_at, ends_at)), '{}') as stops
        from int_line_calendar
        where {{ is_of_the_line('int_line_calendar', 'device_days') }}
    ),

    states as (
        select state, false as is_planned, case state
            when 'stopped' then stretches - stops else stretches
        end as stretches
        from known
        cross join planned
        union all
        select state, true, stretches * stops
        from known
        cross join planned
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
        lower(stretch * tstzrange(start_time, end_time)) as starts_at,
        upper(stretch * tstzrange(start_time, end_time)) as ends_at
    from states
    cross join lateral unnest(stretches) as stretch
    inner join hours
        on stretch && tstzrange(start_time, end_time)
        and device_days.production_date = hours.production_date
) as slices
