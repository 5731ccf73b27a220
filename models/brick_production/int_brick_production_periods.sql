-- One row per grain (hour, shift, day), device and period: the facts of the period.
with device_days as (select * from {{ days(['brick_type']) }} as days),

calendar as materialized (select * from {{ ref('int_production_periods') }}),

periods as (
    select device_days.device_id, periods.*
    from device_days
    cross join lateral (
        with slice_hours as materialized (
            select
                {{ hour_start('starts_at') }} as hour_start,
                brick_type,
                sum(count_increment) as count_increment,
                sum(count_increment) filter (where not is_gap) as measured_increment,
                sum(count_increment) filter (where is_gap) as estimated_increment,
                sum(error_increment) filter (where not is_gap) as error_count,
                {%- for state in brick_states() %}
                sum(seconds) filter (where state = '{{ state }}')
                    as {{ state }}_seconds,
                {%- endfor %}
                min(starts_at) as sliced_from,
                max(ends_at) as sliced_until
            from {{ reads('int_brick_slices') }} as slices
            group by {{ hour_start('starts_at') }}, brick_type
        ),

        message_hours as materialized (
            select * from {{ reads('int_brick_message_hours') }} as hours
        ),

        level_before as materialized (
            select count from {{ reads('int_brick_increments') }} as increments
            where production_date < device_days.production_date and is_level
            order by event_at desc
            limit 1
        )

        select *
        from calendar
        cross join lateral (
            select
                sum(measured_increment)::bigint as measured_increment,
                sum(estimated_increment)::bigint as estimated_increment,
                sum(error_count)::bigint as error_count,
                {%- for state in brick_states() %}
                coalesce(sum({{ state }}_seconds), 0) as sliced_{{ state }}_seconds,
                {%- endfor %}
                count(distinct brick_type)::integer as brick_type_count,
                min(sliced_from) as sliced_from,
                max(sliced_until) as sliced_until
            from slice_hours
            where hour_start >= start_time and hour_start < end_time
        ) as of_slices
        cross join lateral (
            select
                coalesce(sum(suspect_increment), 0)::bigint as suspect_increment,
                sum(count_sum) / nullif(sum(reading_count), 0) as count_mean,
                sqrt(
                    (sum(count_square_sum) - sum(count_sum) ^ 2 / sum(reading_count))
                    / nullif(sum(reading_count) - 1, 0)
                ) as count_std,
                min(count_min) as count_min,
                max(count_max) as count_max,
                {%- for event in ['message', 'reading', 'health', 'duplicate',
                    'rejected', 'distrusted', 'reset', 'dip', 'spike', 'reboot'] %}
                coalesce(sum({{ event }}_count), 0)::bigint as {{ event }}_count,
                {%- endfor %}
                round(sum(rssi_sum) / nullif(sum(rssi_count), 0), 3) as avg_rssi_dbm,
                min(min_rssi_dbm) as min_rssi_dbm,
                round(sum(temperature_sum) / nullif(sum(temperature_count), 0), 3)
                    as avg_temperature_celsius,
                (array_agg(battery_percent_end order by hour_start desc) filter (
                    where battery_percent_end is not null
                ))[1] as battery_percent_end,
                min(first_ingested_at) as first_ingested_at,
                max(last_ingested_at) as last_ingested_at,
                (array_agg(first_measurement_id order by hour_start) filter (
                    where first_measurement_id is not null
                ))[1] as first_measurement_id,
                (array_agg(last_measurement_id order by hour_start desc) filter (
                    where last_measurement_id is not null
                ))[1] as last_measurement_id
            from message_hours
            where hour_start >= start_time and hour_start < end_time
        ) as of_messages
        cross join lateral (
            select coalesce((
                select brick_type from slice_hours
                where hour_start >= start_time and hour_start < end_time
                group by brick_type order by sum(count_increment) desc, brick_type
                limit 1
            ), device_days.brick_type) as brick_type
        ) as most_pieces
        cross join lateral (
            select coalesce((
                select last_level from message_hours
                where hour_start < end_time and last_level is not null
                order by hour_start desc
                limit 1
            ), (select count from level_before)) as total_count
        ) as levels
        where calendar.production_date = device_days.production_date
    ) as periods
)

select
    periods.*,
    case
        when measured_increment is not null or estimated_increment > 0
            then coalesce(measured_increment, 0) + coalesce(estimated_increment, 0)
    end as count_increment
from periods
