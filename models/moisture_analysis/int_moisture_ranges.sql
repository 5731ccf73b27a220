-- One row per grain (hour, shift, day), device and period that the time of a reading
-- reaches into: how long moisture was inside and outside its band, and in excursions.
with device_days as (select * from {{ days() }} as days),

production_periods as materialized (
    select * from {{ ref('int_production_periods') }}
),

int_moisture_bands as (select * from {{ ref('int_moisture_bands') }}),

device_thresholds as (
    select * from {{ ref('device_thresholds') }} where metric = 'moisture_far_outside'
)

select
    device_days.device_id,
    device_days.production_date,
    band.low as band_low,
    band.high as band_high,
    ranges.*
from device_days
inner join int_moisture_bands as band on {{ is_same_device('device_days', 'band') }}
left join device_thresholds as far on {{ is_same_device('device_days', 'far') }}
cross join lateral (
    with periods as (
        select * from production_periods
        where production_date = device_days.production_date
    ),

    readings as (
        select *, moisture not between band.low and band.high as is_outside
        from {{ reads('int_moisture_readings') }} as of_the_day_and_beside
    ),

    -- Two readings follow each other if the first still holds when the second comes.
    in_a_row as (
        select
            *,
            coalesce(
                lag(is_outside) over series and lag(holds_until) over series = event_at,
                false
            ) as was_outside,
            coalesce(
                lead(is_outside) over series
                and lead(event_at) over series = holds_until,
                false
            ) as stays_outside
        from readings
        window series as (order by event_at)
    ),

    judged as (
        select
            *,
            is_outside and (was_outside or stays_outside) as is_excursion,
            abs(moisture - (band.low + band.high) / 2)
            > (band.high - band.low) * (far.high + 0.5) as is_far_outside
        from in_a_row
    ),

    parts as (
        {{ held_parts('judged') }}
    )

    select
        grain,
        start_time,
        coalesce(sum(held_seconds) filter (where not is_outside), 0)
            as in_range_seconds,
        coalesce(sum(held_seconds) filter (where is_outside), 0)
            as out_of_range_seconds,
        coalesce(sum(held_seconds) filter (where is_far_outside), 0)
            as far_outside_seconds,
        coalesce(sum(held_seconds) filter (where is_excursion), 0)
            as excursion_seconds,
        count(*) filter (where is_own and is_excursion and not was_outside)
            as excursion_count
    from parts
    group by grain, start_time
) as ranges
