-- One row per device and slice: a piece of a step, of one hour, state and brick type.
with device_days as (

    select * from {{ days([
        'brick_type', 'planned_stops', 'assigned_brick_types', 'assigned_from',
        'assigned_until'
    ]) }} as days

)

select
    device_days.device_id,
    slices.*,
    device_days.production_date
from device_days
cross join lateral (
    with lending as (
        select
            *,
            {{ state_among_neighbours() }} as step_state,
            {{ lent_seconds('before') }} as lent_before,
            {{ lent_seconds('after') }} as lent_after
        from {{ reads('int_brick_steps') }} as steps
        window series as (order by ends_at)
    ),

    segments as (
        select
            first_measurement_id, last_measurement_id, is_gap, parts.*,
            round(parts.count_increment * 3600 / nullif({{ seconds_between(
                'parts.starts_at', 'parts.ends_at'
            ) }}, 0), 3) as rate_per_hour
        from lending
        cross join lateral ({{ lent_parts() }}) as parts (
            state, count_increment, error_increment, starts_at, ends_at
        )
        where parts.starts_at < parts.ends_at
    ),

    calendar as materialized (
        select
            null as brick_type, true as is_planned,
            lower(stop) as starts_at, upper(stop) as ends_at
        from unnest(device_days.planned_stops) as stop
        union all
        select brick_type, false, starts_at, ends_at
        from unnest(
            device_days.assigned_brick_types, device_days.assigned_from,
            device_days.assigned_until
        ) as assigned (brick_type, starts_at, ends_at)
    ),

    borders as materialized (
        select generate_series(
            device_days.starts_at, device_days.ends_at, interval '1 hour'
        ) as border
        union
        select unnest(array[starts_at, ends_at]) from calendar
    ),

    pieces as (
        select
            first_measurement_id, last_measurement_id, is_gap, rate_per_hour, parts.*,
            {{ whole_share('count_increment', 'parts') }} as count_increment,
            {{ whole_share('error_increment', 'parts') }} as error_increment,
            {{ seconds_between('parts.starts_at', 'parts.ends_at') }} as seconds,
            case when state in ('stopped', 'unobserved') and exists (
                select from calendar
                where is_planned
                    and parts.starts_at >= calendar.starts_at
                    and parts.starts_at < calendar.ends_at
            ) then 'planned_stop' else state end as state
        from segments
        cross join lateral (
            select
                border as starts_at,
                lead(border, 1, segments.ends_at) over (order by border) as ends_at
            from (
                select segments.starts_at as border
                union
                select border from borders
                where border > segments.starts_at and border < segments.ends_at
            ) as cuts
        ) as parts
    ),

    -- Neighbours of equal state have an equal difference of these two numbers.
    runs as (
        select
            *,
            row_number() over (order by starts_at)
            - row_number() over (partition by state order by starts_at) as run
        from pieces
    )

    select
        first_measurement_id, last_measurement_id, rate_per_hour, is_gap,
        {{ stop_kind('state', 'sum(seconds) over (partition by state, run)') }}
            as state,
        coalesce(
            (
                select calendar.brick_type from calendar
                where runs.starts_at >= calendar.starts_at
                    and runs.starts_at < calendar.ends_at
                order by calendar.brick_type is null, calendar.starts_at desc
                limit 1
            ), device_days.brick_type
        ) as brick_type,
        count_increment::bigint as count_increment,
        error_increment::bigint as error_increment,
        seconds, starts_at, ends_at
    from runs
) as slices
where slices.starts_at >= device_days.starts_at
    and slices.starts_at < device_days.ends_at
