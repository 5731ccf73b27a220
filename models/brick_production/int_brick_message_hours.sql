-- One row per device and hour with messages: what the messages say that adds up to any
-- longer period.
with device_days as materialized (

    select *, {{ fingerprint() }} as day_fingerprint
    from (select * from {{ ref('device_day_inputs') }}) as days
    where sensor_type in {{ sensor_types('stg_brick_counts') }}
        and {{ is_unbuilt() }}

),

stg_brick_counts as (select * from {{ ref('stg_brick_counts') }}),

int_brick_excursions as (select * from {{ ref('int_brick_excursions') }}),

int_brick_increments as not materialized (

    select *, {{ hour_start('event_at') }} as hour_start
    from {{ ref('int_brick_increments') }}

)

select
    device_days.day_fingerprint as fingerprint,
    device_days.device_id,
    device_days.production_date,
    hours.*
from device_days
cross join lateral (
    with from_readings as (
        select
            hour_start,
            sum(suspect_increment) as suspect_increment,
            count(*) as reading_count,
            count(*) filter (where counter_event like '%reset') as reset_count,
            count(*) filter (where counter_event in (
                'dip', 'spike', 'rollback', 'unexplained_reset', 'jump'
            )) as distrusted_count,
            sum(count::numeric) as count_sum,
            sum(count::numeric * count) as count_square_sum,
            min(count) as count_min,
            max(count) as count_max,
            min(event_at) as first_reading_at,
            max(event_at) as last_reading_at
        from int_brick_increments
        where device_id = device_days.device_id
            and production_date = device_days.production_date
        group by hour_start
    ),

    from_messages as (
        select
            {{ hour_start('filed_at') }} as hour_start,
            count(*) filter (where verdict = 'health') as health_count,
            count(*) filter (where verdict = 'rejected') as rejected_count,
            count(*) filter (where verdict = 'duplicate') as duplicate_count
        from stg_brick_counts
        where device_id = device_days.device_id
            and production_date = device_days.production_date
        group by hour_start
    ),

    from_excursions as (
        select
            {{ hour_start('starts_at') }} as hour_start,
            count(*) filter (where excursion = 'dip') as dip_count,
            count(*) filter (where excursion = 'spike') as spike_count
        from int_brick_excursions
        where device_id = device_days.device_id
            and production_date = device_days.production_date
            and starts_at is not null
        group by hour_start
    )

    select *
    from from_messages
    full join from_readings using (hour_start)
    full join from_excursions using (hour_start)
) as hours
