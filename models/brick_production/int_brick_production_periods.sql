-- One row per grain (hour, shift, day), device and period: the facts of the period.
with device_days as materialized (

    select *, {{ fingerprint() }} as day_fingerprint
    from (select * from {{ ref('device_day_inputs') }}) as days
    where sensor_type in {{ sensor_types('stg_brick_counts') }}
        and {{ is_unbuilt() }}

),

calendar as materialized (select * from {{ ref('int_production_periods') }}),

readings as not materialized (select * from {{ ref('int_brick_increments') }}),

int_brick_slices as not materialized (

    select *, {{ hour_start('starts_at') }} as hour_start
    from {{ ref('int_brick_slices') }}

),

message_hours as not materialized (select * from {{ ref('int_brick_message_hours') }}),

periods as (

    select device_days.day_fingerprint as fingerprint, device_days.device_id, periods.*
    from device_days
    cross join lateral (
        with slice_hours as materialized (
            select
                hour_start,
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
            from int_brick_slices
            where int_brick_slices.device_id = device_days.device_id
                and int_brick_slices.production_date = device_days.production_date
            group by hour_start, brick_type
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
                {%- for event in ['reading', 'health', 'reset', 'dip', 'spike',
                    'distrusted', 'rejected', 'duplicate'] %}
                coalesce(sum({{ event }}_count), 0)::bigint as {{ event }}_count,
                {%- endfor %}
                min(first_reading_at) as first_reading_at,
                max(last_reading_at) as last_reading_at
            from message_hours
            where message_hours.device_id = device_days.device_id
                and message_hours.production_date = device_days.production_date
                and hour_start >= start_time and hour_start < end_time
        ) as of_messages
        cross join lateral (
            select coalesce((
                select brick_type from slice_hours
                where hour_start >= start_time and hour_start < end_time
                group by brick_type order by sum(count_increment) desc, brick_type
                limit 1
            ), device_days.brick_type) as brick_type
        ) as most_pieces
        where calendar.production_date = device_days.production_date
    ) as periods

)

select
    periods.*,
    {%- for end in ['first', 'last'] %}
    (
        select measurement_id from readings
        where readings.device_id = periods.device_id
            and readings.event_at = periods.{{ end }}_reading_at
    ) as {{ end }}_measurement_id,
    {%- endfor %}
    (
        select levels.count from readings as levels
        where levels.device_id = periods.device_id
            and levels.event_at < periods.end_time
            and levels.is_level
        order by levels.event_at desc
        limit 1
    ) as total_count,
    case
        when measured_increment is not null or estimated_increment > 0
            then coalesce(measured_increment, 0) + coalesce(estimated_increment, 0)
    end as count_increment
from periods
