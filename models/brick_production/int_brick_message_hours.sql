-- One row per device and hour with messages: what the messages say that adds up to any
-- longer period.
with device_days as (select * from {{ days() }} as days)

select
    device_days.device_id,
    device_days.production_date,
    hours.*
from device_days
cross join lateral (
    with from_readings as (
        select
            {{ hour_start('event_at') }} as hour_start,
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
            (array_agg(measurement_id order by event_at))[1] as first_measurement_id,
            (array_agg(measurement_id order by event_at desc))[1]
                as last_measurement_id,
            (array_agg(count order by event_at desc) filter (where is_level))[1]
                as last_level
        from {{ reads('int_brick_increments') }} as increments
        group by hour_start
    ),

    from_messages as (
        select
            {{ hour_start('filed_at') }} as hour_start,
            count(*) filter (where verdict = 'health') as health_count,
            count(*) filter (where verdict = 'rejected') as rejected_count,
            count(*) filter (where verdict = 'duplicate') as duplicate_count
        from {{ reads('stg_brick_counts') }} as messages
        group by hour_start
    ),

    from_excursions as (
        select
            {{ hour_start('starts_at') }} as hour_start,
            count(*) filter (where excursion = 'dip') as dip_count,
            count(*) filter (where excursion = 'spike') as spike_count
        from {{ reads('int_brick_excursions') }} as excursions
        group by hour_start
    )

    select *
    from from_messages
    full join from_readings using (hour_start)
    full join from_excursions using (hour_start)
) as hours
