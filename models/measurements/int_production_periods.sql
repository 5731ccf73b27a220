-- One row per production date, grain (hour, shift, day) and period, for every date some
-- device has data of.
with int_days as (select distinct production_date from {{ ref('int_days') }}),

shifts as (select * from {{ ref('shifts') }}),

shifts_of_the_day as (
    select
        'shift' as grain,
        shifts.shift_name,
        -- 1 is the first shift of 1 January.
        (extract(doy from production_date)::integer - 1)
        * (count(*) over (partition by production_date))::integer
        + shifts.shift_index as shift_number,
        production_date,
        {{ local_moment('production_date', 'shifts.starts_at') }} as start_time,
        {{ local_end('production_date', 'shifts.ends_at') }} as end_time
    from int_days
    inner join shifts
        on production_date between shifts.valid_from
            and coalesce(shifts.valid_to, date 'infinity')
)

select
    'hour' as grain, shift_name, shift_number, production_date,
    hour_starts_at as start_time,
    hour_starts_at + interval '1 hour' as end_time
from shifts_of_the_day
cross join lateral generate_series(
    start_time, end_time - interval '1 microsecond', interval '1 hour'
) as hour_starts_at
union all
select * from shifts_of_the_day
union all
select 'day', null, null, production_date, min(start_time), max(end_time)
from shifts_of_the_day
group by production_date
