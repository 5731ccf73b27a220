-- One row per device and slice: a piece of a step, of one hour, state and brick type.
with device_days as (
    select * from {{ days(['brick_type', 'planned_stops', 'assigned_brick_types',
        'assigned_from', 'assigned_until']) }} as days
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
            -- A counter that leaps or is reset in the middle of a stop does not end it.
            case
                when not is_gap and lag(state) over series = 'stopped'
                    and state = 'unobserved' and lead(state) over series = 'stopped'
                    then 'stopped'
                else state
            end as step_state,
            {{ lent_seconds('before') }} as lent_before,
            {{ lent_seconds('after') }} as lent_after
        from {{ reads('int_brick_steps') }} as steps
        window series as (order by ends_at)
    ),

    -- Few steps lend: the others are whole.
    segments as (
        select
            first_measurement_id, last_measurement_id, is_gap, step_state as state,
            count_increment, error_increment, starts_at, ends_at
        from lending
        where lent_before + lent_after = 0
        union all
        select first_measurement_id, last_measurement_id, is_gap, parts.*
        from lending
        cross join lateral ({{ lent_parts() }}) as parts (
            state, count_increment, error_increment, starts_at, ends_at
        )
        where lent_before + lent_after > 0 and parts.starts_at < parts.ends_at
    ),

    -- From one border to the next nothing changes; before the first is cell 0.
    cells as (
        select
            array_agg(border order by border) as borders,
            array_agg({{ assigned_brick_type('border') }} order by border)
                as brick_types
        from (
            select generate_series(
                device_days.starts_at, device_days.ends_at, interval '1 hour'
            ) as border
            union
            select unnest(array[lower(stop), upper(stop)])
            from unnest(device_days.planned_stops) as stop
            union
            select unnest(device_days.assigned_from || device_days.assigned_until)
        ) as borders
    ),

    pieces as (
        select
            first_measurement_id, last_measurement_id, is_gap, parts.*,
            round(count_increment * 3600 / nullif({{ seconds_between(
                'segments.starts_at', 'segments.ends_at'
            ) }}, 0), 3) as rate_per_hour,
            {%- for pieces in ['count_increment', 'error_increment'] %}
            case when first_cell = last_cell then {{ pieces }}
                else {{ whole_share(pieces, 'parts') }} end as {{ pieces }},
            {%- endfor %}
            {{ seconds_between('parts.starts_at', 'parts.ends_at') }} as seconds,
            case
                when state in ('stopped', 'unobserved')
                    and parts.starts_at <@ device_days.planned_stops then 'planned_stop'
                else state end as state,
            coalesce(brick_types[cell], device_days.brick_type) as brick_type
        from segments
        cross join cells
        cross join lateral (
            select
                width_bucket(starts_at, borders) as first_cell,
                width_bucket(ends_at - interval '1 microsecond', borders) as last_cell
        ) as crossed
        cross join lateral generate_series(first_cell, last_cell) as cell
        cross join lateral (
            select greatest(segments.starts_at, borders[cell]) as starts_at,
                least(segments.ends_at, borders[cell + 1]) as ends_at
        ) as parts
    ),

    -- Neighbours of equal state have an equal difference of these two numbers.
    runs as (
        select *, row_number() over (order by starts_at)
            - row_number() over (partition by state order by starts_at) as run
        from pieces
    )

    select
        first_measurement_id, last_measurement_id, rate_per_hour, is_gap, brick_type,
        count_increment::bigint as count_increment,
        error_increment::bigint as error_increment,
        case
            when state <> 'stopped' then state
            when sum(seconds) over (partition by state, run)
                < {{ var('downtime_from_seconds') }} then 'micro_stop'
            else 'downtime'
        end as state,
        seconds, starts_at, ends_at
    from runs
) as slices
where slices.starts_at >= device_days.starts_at
    and slices.starts_at < device_days.ends_at
