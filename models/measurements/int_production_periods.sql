-- One row per production date, grain (hour, shift, day) and period.
with int_production_shifts as (select * from {{ ref('int_production_shifts') }}),

hours as (

    select
        int_production_shifts.*,
        hour_starts_at
    from int_production_shifts
    cross join lateral generate_series(
        shift_starts_at, shift_ends_at - interval '1 microsecond', interval '1 hour'
    ) as hour_starts_at

),

final as (

    select
        'hour' as grain,
        shift_name,
        shift_number,
        production_date,
        hour_starts_at as start_time,
        hour_starts_at + interval '1 hour' as end_time
    from hours
    union all
    select
        'shift', shift_name, shift_number, production_date,
        shift_starts_at, shift_ends_at
    from int_production_shifts
    union all
    select
        'day', null, null, production_date, min(shift_starts_at), max(shift_ends_at)
    from int_production_shifts
    group by production_date

)

select * from final
