-- One row per grain (hour, shift, day), device and period: how long the machine ran
-- and stood, and how often it failed.
with device_days as (select * from {{ days() }} as days),

production_periods as materialized (
    select * from {{ ref('int_production_periods') }}
)

select
    device_days.sensor_type,
    device_days.device_id,
    device_days.production_date,
    facts.*
from device_days
cross join lateral (
    with states as materialized (
        select * from {{ reads('int_machine_states') }} as of_the_day_and_beside
    ),

    slices as (
        select * from states where production_date = device_days.production_date
    ),

    -- The next day is read as far as it tells whether a stop becomes a downtime.
    stretches as (
        select
            state, is_planned, starts_at,
            least(
                ends_at, device_days.ends_at
                + interval '1 second' * {{ var('downtime_from_seconds') }}
            ) as ends_at
        from states
        where production_date >= device_days.production_date
            and starts_at < device_days.ends_at
            + interval '1 second' * {{ var('downtime_from_seconds') }}
    ),

    -- Since when the machine stands at the start of the day: since it last did not.
    before as (
        select
            coalesce(
                max(ends_at) filter (where state <> 'stopped' or is_planned),
                min(starts_at)
            ) as stopped_since
        from states
        where production_date < device_days.production_date
    ),

    -- Stops nobody planned, each whole: from when it began, be it days ago, and into
    -- the next day for as long as tells whether it is a downtime.
    stops as (
        select
            case
                when lower(stop) = device_days.starts_at
                    then coalesce((select stopped_since from before), lower(stop))
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
