-- One row per grain (hour, shift, day), device and period: how long the machine ran
-- and stood, and how often it failed.
{%- set day_starts_at = local_moment('device_days.production_date', day_start()) %}
with device_days as materialized (

    select
        *,
        {{ stopped_since('days') }} as stopped_since,
        {{ fingerprint() }} as day_fingerprint
    from (select * from {{ ref('device_day_inputs') }}) as days
    where sensor_type in {{ sensor_types('stg_machine_messages') }}
        and {{ is_unbuilt() }}

),

production_periods as materialized (

    select * from {{ ref('int_production_periods') }}

),

int_machine_states as not materialized (

    select * from {{ ref('int_machine_states') }}

)

select
    device_days.day_fingerprint as fingerprint,
    device_days.sensor_type,
    device_days.device_id,
    device_days.production_date,
    facts.*
from device_days
cross join lateral (
    with slices as (
        select state, is_planned, starts_at, ends_at, seconds
        from int_machine_states
        where device_id = device_days.device_id
            and sensor_type = device_days.sensor_type
            and production_date = device_days.production_date
    ),

    stretches as (
        select * from slices
        union all
        select * from {{ machine_states_about('device_days') }} as next_day
    ),

    -- Stops nobody planned, each whole: from when it began, be it days ago, and into
    -- the next day for as long as tells whether it is a downtime.
    stops as (
        select
            case
                when lower(stop) = {{ day_starts_at }}
                    then coalesce(device_days.stopped_since, lower(stop))
                else lower(stop)
            end as starts_at,
            upper(stop) as ends_at
        from (
            select range_agg(tstzrange(starts_at, ends_at)) as stops
            from stretches
            where state = 'stopped' and not is_planned
        ) as of_the_day
        cross join lateral unnest(stops) as stop
    ),

    failures as (
        select *, {{ seconds_between('starts_at', 'ends_at') }} as seconds
        from stops
        where {{ seconds_between('starts_at', 'ends_at') }}
            >= {{ var('downtime_from_seconds') }}
    ),

    last_seen as (select max(ends_at) as last_seen_at from stretches)

    select
        periods.grain,
        shift_name,
        shift_number,
        {%- for state in ['running', 'stopped', 'unobserved'] %}
        coalesce(sum(seconds) filter (where state = '{{ state }}'), 0)
            as {{ state }}_seconds,
        {%- endfor %}
        coalesce(sum(seconds) filter (where is_planned), 0) as planned_stop_seconds,
        failed.failure_count,
        repaired.repair_count,
        repaired.repair_seconds,
        periods.start_time,
        periods.end_time
    from production_periods as periods
    cross join last_seen
    left join slices
        on periods.start_time <= slices.starts_at
        and periods.end_time > slices.starts_at
    cross join lateral (
        select count(*) as failure_count
        from failures
        where failures.starts_at >= periods.start_time
            and failures.starts_at < periods.end_time
    ) as failed
    -- A stop that the last reading still tells of is not repaired.
    cross join lateral (
        select count(*) as repair_count, sum(failures.seconds) as repair_seconds
        from failures
        where failures.ends_at > periods.start_time
            and failures.ends_at <= periods.end_time
            and failures.ends_at < last_seen_at
    ) as repaired
    where periods.production_date = device_days.production_date
    group by
        periods.grain, shift_name, shift_number, periods.start_time,
        periods.end_time, failed.failure_count, repaired.repair_count,
        repaired.repair_seconds
) as facts
