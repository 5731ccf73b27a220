-- One row per line, or no line, and production day that one of its devices has: when it
-- was to stop, on the day and those beside it, and what it was assigned to make.
with int_days as (select distinct production_date from {{ ref('int_days') }}),

device_registry as (select distinct production_line from {{ ref('device_registry') }}),

planned_stops as (select * from {{ ref('planned_stops') }}),

line_assignments as (select * from {{ ref('line_assignments') }}),

line_days as (
    select
        lines.production_line,
        production_date,
        {{ local_moment('production_date', day_start()) }} as starts_at,
        {{ local_moment('(production_date + 1)', day_start()) }} as ends_at
    from int_days
    cross join (
        select production_line from device_registry
        union
        select null
    ) as lines
),

planned as (
    select
        line_days.production_line,
        line_days.production_date,
        range_agg(tstzrange(
            {{ local_moment('planned_on', 'stops.starts_at') }},
            {{ local_end('planned_on', 'stops.ends_at') }}
        )) as planned_stops
    from line_days
    cross join lateral (values
        (production_date - 1), (production_date), (production_date + 1)
    ) as dates (planned_on)
    inner join planned_stops as stops
        on {{ is_of_the_line('stops', 'line_days') }}
        and planned_on between stops.valid_from
            and coalesce(stops.valid_to, date 'infinity')
        and coalesce(extract(isodow from planned_on) = stops.weekday, true)
    group by line_days.production_line, line_days.production_date
),

assigned as (
    select
        line_days.production_line,
        line_days.production_date,
        array_agg(orders.brick_type order by orders.started_at) as assigned_brick_types,
        array_agg(orders.started_at order by orders.started_at) as assigned_from,
        -- Its end on another day is no news of this one.
        array_agg(
            least(orders.stopped_at, line_days.ends_at) order by orders.started_at
        ) as assigned_until
    from line_days
    inner join line_assignments as orders
        on line_days.production_line = orders.production_line
        and line_days.ends_at > orders.started_at
        and coalesce(line_days.starts_at < orders.stopped_at, true)
    group by line_days.production_line, line_days.production_date
)

select
    line_days.production_line,
    coalesce(planned.planned_stops, '{}') as planned_stops,
    coalesce(assigned.assigned_brick_types, '{}') as assigned_brick_types,
    coalesce(assigned.assigned_from, '{}') as assigned_from,
    coalesce(assigned.assigned_until, '{}') as assigned_until,
    line_days.production_date
from line_days
left join planned
    on line_days.production_date = planned.production_date
    and line_days.production_line is not distinct from planned.production_line
left join assigned
    on line_days.production_date = assigned.production_date
    and line_days.production_line is not distinct from assigned.production_line
