-- One row per line, or no line, and production day that one of its devices has: when it
-- was to stop, on the day and those beside it, and what it was assigned to make.
with int_days as (select * from {{ ref('int_days') }}),

int_line_calendar as (select * from {{ ref('int_line_calendar') }}),

device_registry as (select distinct production_line from {{ ref('device_registry') }}),

line_days as (
    select
        lines.production_line,
        dates.production_date,
        {{ local_moment('dates.production_date', day_start()) }} as starts_at,
        {{ local_moment('(dates.production_date + 1)', day_start()) }} as ends_at
    from (select distinct production_date from int_days) as dates
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
        range_agg(tstzrange(stops.starts_at, stops.ends_at)) as planned_stops
    from line_days
    cross join generate_series(-1, 1) as day_offset
    inner join int_line_calendar as stops
        on line_days.production_date + day_offset = stops.production_date
        and {{ is_of_the_line('stops', 'line_days') }}
    where stops.planned_stop is not null
    group by line_days.production_line, line_days.production_date
),

assigned as (
    select
        line_days.production_line,
        line_days.production_date,
        array_agg(orders.brick_type order by orders.starts_at) as assigned_brick_types,
        array_agg(orders.starts_at order by orders.starts_at) as assigned_from,
        -- Its end on another day is no news of this one.
        array_agg(
            case when orders.ends_at < line_days.ends_at then orders.ends_at
                else line_days.ends_at end
            order by orders.starts_at
        ) as assigned_until
    from line_days
    inner join int_line_calendar as orders
        on line_days.ends_at > orders.starts_at
        and line_days.starts_at < orders.ends_at
        and {{ is_of_the_line('orders', 'line_days') }}
    where orders.planned_stop is null
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
