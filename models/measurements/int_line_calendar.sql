-- One row per entry in the calendar of the lines: a planned stop on a production date
-- some device has data of or on a day beside it, or what a line was assigned to make.
with int_days as (select distinct production_date from {{ ref('int_days') }}),

planned_stops as (select * from {{ ref('planned_stops') }}),

line_assignments as (select * from {{ ref('line_assignments') }}),

dates as (
    select distinct production_date + day_offset as production_date
    from int_days
    cross join generate_series(-1, 1) as day_offset
)

select
    planned_stops.production_line,
    null as brick_type,
    planned_stops.reason as planned_stop,
    dates.production_date,
    {{ local_moment('dates.production_date', 'planned_stops.starts_at') }}
        as starts_at,
    case
        when planned_stops.ends_at = {{ day_start() }}
            then {{ local_moment('(dates.production_date + 1)', day_start()) }}
        else
            {{ local_moment('dates.production_date', 'planned_stops.ends_at') }}
    end as ends_at
from dates
inner join planned_stops
    on dates.production_date between planned_stops.valid_from
        and coalesce(planned_stops.valid_to, date 'infinity')
    and coalesce(
        extract(isodow from dates.production_date) = planned_stops.weekday, true
    )
union all
select
    production_line,
    brick_type,
    null as planned_stop,
    null as production_date,
    started_at as starts_at,
    coalesce(stopped_at, 'infinity') as ends_at
from line_assignments
