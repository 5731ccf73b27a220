-- One row per production date and shift, for every date some device has data of.
with int_days as (

    select distinct production_date from {{ ref('int_days') }}

),

shifts as (select * from {{ ref('shifts') }}),

final as (

    select
        shifts.shift_name,
        -- 1 is the first shift of 1 January.
        (extract(doy from production_date)::integer - 1)
        * (count(*) over (partition by production_date))::integer
        + shifts.shift_index as shift_number,
        production_date,
        {{ local_moment('production_date', 'shifts.starts_at') }} as shift_starts_at,
        case
            when shifts.ends_at = {{ day_start() }}
                then {{ local_moment('(production_date + 1)', 'shifts.ends_at') }}
            else {{ local_moment('production_date', 'shifts.ends_at') }}
        end as shift_ends_at
    from int_days
    inner join shifts
        on production_date between shifts.valid_from
            and coalesce(shifts.valid_to, date 'infinity')

)

select * from final
