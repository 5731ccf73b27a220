-- One row per shift that leaves a hole in the production day, overlaps another shift,
-- or does not start on the hour, on any day on which the seed changes.

with shifts as (select * from {{ ref('shifts') }}),

-- Whatever holds on the days on which some shift begins to hold, or the day after one
-- ceases to, holds on the days between.
days as (

    select valid_from as valid_on from shifts
    union
    select valid_to + 1 from shifts where valid_to is not null

),

shifts_of_the_day as (

    select
        days.valid_on,
        shifts.shift_name,
        shifts.starts_at,
        shifts.ends_at,
        shifts.shift_index,
        row_number() over day as place,
        lag(shifts.ends_at) over day as previous_ends_at,
        row_number() over (
            partition by days.valid_on order by shifts.shift_index desc
        ) = 1 as is_last,
        -- Hours since the start of the production day tell whether a shift runs on.
        (shifts.starts_at - {{ day_start() }} + interval '24 hours') as starts_after,
        (shifts.ends_at - {{ day_start() }} + interval '24 hours') as ends_after
    from days
    inner join shifts
        on days.valid_on between shifts.valid_from
            and coalesce(shifts.valid_to, date 'infinity')
    window day as (partition by days.valid_on order by shifts.shift_index)

)

select valid_on, shift_name, starts_at, ends_at
from shifts_of_the_day
where shift_index <> place
    or starts_at <> coalesce(previous_ends_at, {{ day_start() }})
    or (is_last and ends_at <> {{ day_start() }})
    or (
        not is_last
        and mod(extract(epoch from ends_after), 86400)
        <= mod(extract(epoch from starts_after), 86400)
    )
    or starts_at <> date_trunc('hour', starts_at::interval)::time
    or ends_at <> date_trunc('hour', ends_at::interval)::time
union all
select valid_on, 'no shift', null, null
from days
where valid_on not in (select valid_on from shifts_of_the_day)
