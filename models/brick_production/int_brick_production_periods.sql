-- One row per grain (hour, shift, day), device and period: the facts of the period.
with device_days as materialized (

    select *, {{ fingerprint() }} as day_fingerprint
    from (select * from {{ ref('device_day_inputs') }}) as days
    where sensor_type in {{ sensor_types('stg_brick_counts') }}
        and {{ is_unbuilt() }}

),

int_brick_hours as (

    select device_days.day_fingerprint, hours.*
    from device_days
    cross join lateral (
        select * from (select * from {{ ref('int_brick_hours') }}) as hours
        where hours.device_id = device_days.device_id
            and hours.production_date = device_days.production_date
        offset 0
    ) as hours

),

shifts as (select * from {{ ref('int_production_shifts') }}),

readings as not materialized (

    select device_id, event_at, measurement_id, count, is_level
    from {{ ref('int_brick_increments') }}

),

shift_hours as (

    select
        int_brick_hours.*,
        shifts.shift_name,
        shifts.shift_number,
        shifts.shift_starts_at,
        shifts.shift_ends_at
    from int_brick_hours
    left join shifts
        on int_brick_hours.production_date = shifts.production_date
        and int_brick_hours.hour_start >= shifts.shift_starts_at
        and int_brick_hours.hour_start < shifts.shift_ends_at

),

hours_by_grain as (

    select
        'hour' as grain,
        shift_name as period_shift_name,
        shift_number as period_shift_number,
        hour_start as start_time,
        hour_start + interval '1 hour' as end_time,
        *
    from shift_hours
    union all
    select
        'shift' as grain, shift_name, shift_number, shift_starts_at, shift_ends_at, *
    from shift_hours
    union all
    select
        'day' as grain,
        null as period_shift_name,
        null as period_shift_number,
        {{ local_moment('production_date', day_start()) }} as start_time,
        {{ local_moment('(production_date + 1)', day_start()) }} as end_time,
        *
    from shift_hours

),

periods as (

    select
        day_fingerprint as fingerprint,
        grain,
        device_id,
        period_shift_name as shift_name,
        period_shift_number as shift_number,
        sum(measured_increment) as measured_increment,
        sum(estimated_increment) as estimated_increment,
        coalesce(sum(suspect_increment), 0) as suspect_increment,
        sum(error_count) as error_count,
        coalesce(sum(observed_seconds), 0) as observed_seconds,
        coalesce(sum(unobserved_seconds), 0) as unobserved_seconds,
        sum(count_sum) / nullif(sum(reading_count), 0) as count_mean,
        sqrt(
            (sum(count_square_sum) - sum(count_sum) ^ 2 / sum(reading_count))
            / nullif(sum(reading_count) - 1, 0)
        ) as count_std,
        min(count_min) as count_min,
        max(count_max) as count_max,
        {%- for event in ['reading', 'health', 'reset', 'dip', 'spike', 'rejected',
            'duplicate'] %}
        coalesce(sum({{ event }}_count), 0)::bigint as {{ event }}_count,
        {%- endfor %}
        min(first_reading_at) as first_reading_at,
        max(last_reading_at) as last_reading_at,
        production_date,
        start_time,
        end_time
    from hours_by_grain
    group by
        day_fingerprint, grain, device_id, period_shift_name, period_shift_number,
        production_date, start_time, end_time

),

final as (

    select
        periods.fingerprint,
        first_reading.measurement_id as first_measurement_id,
        last_reading.measurement_id as last_measurement_id,
        periods.grain,
        periods.device_id,
        periods.shift_name,
        periods.shift_number,
        last_level.count as total_count,
        case
            when observed_seconds > 0 or estimated_increment > 0
                then coalesce(measured_increment, 0) + coalesce(estimated_increment, 0)
        end::bigint as count_increment,
        measured_increment::bigint as measured_increment,
        estimated_increment::bigint as estimated_increment,
        suspect_increment::bigint as suspect_increment,
        error_count::bigint as error_count,
        observed_seconds,
        unobserved_seconds,
        count_mean,
        count_std,
        count_min,
        count_max,
        reading_count,
        health_count,
        reset_count,
        dip_count,
        spike_count,
        rejected_count,
        duplicate_count,
        periods.production_date,
        periods.start_time,
        periods.end_time
    from periods
    left join readings as first_reading
        on periods.device_id = first_reading.device_id
        and periods.first_reading_at = first_reading.event_at
    left join readings as last_reading
        on periods.device_id = last_reading.device_id
        and periods.last_reading_at = last_reading.event_at
    left join lateral (
        select levels.count from readings as levels
        where levels.device_id = periods.device_id
            and levels.event_at < periods.end_time
            and levels.is_level
        order by levels.event_at desc
        limit 1
    ) as last_level on true

)

select * from final
