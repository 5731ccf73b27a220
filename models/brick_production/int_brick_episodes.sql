-- One row per device and episode of one state, cut where the production day changes.
with device_days as (select * from {{ days() }} as days)

select
    device_days.device_id,
    episodes.*,
    device_days.production_date
from device_days
cross join lateral (
    -- Neighbours of equal state have an equal difference of these two numbers.
    with runs as (
        select
            *,
            row_number() over (order by starts_at)
            - row_number() over (partition by state order by starts_at) as run
        from {{ reads('int_brick_slices') }} as int_brick_slices
    )

    select
        (array_agg(first_measurement_id order by starts_at))[1]
            as first_measurement_id,
        (array_agg(last_measurement_id order by starts_at desc))[1]
            as last_measurement_id,
        state,
        sum(count_increment)::bigint as count_increment,
        sum(seconds) as seconds,
        min(starts_at) as starts_at,
        max(ends_at) as ends_at
    from runs
    group by state, run
    offset 0
) as episodes
