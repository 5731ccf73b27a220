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

readings as not materialized (select * from {{ ref('int_brick_increments') }}),

hours_by_grain as (

    select
        int_brick_hours.*,
        grains.*
    from int_brick_hours
    left join shifts
        on int_brick_hours.production_date = shifts.production_date
        and int_brick_hours.hour_start >= shifts.shift_starts_at
        and int_brick_hours.hour_start < shifts.shift_ends_at
    cross join lateral (
        values
        (
            'hour', shifts.shift_name, shifts.shift_number,
            hour_start, hour_start + interval '1 hour'
        ),
        (
            'shift', shifts.shift_name, shifts.shift_number,
            shift_starts_at, shift_ends_at
        ),
        (
            'day', null, null,
            {{ local_moment('int_brick_hours.production_date', day_start()) }},
            {{ local_moment('(int_brick_hours.production_date + 1)', day_start()) }}
        )
    ) as grains (grain, shift_name, shift_number, start_time, end_time)

),

periods as (

    select
        day_fingerprint as fingerprint,
        grain,
        device_id,
        shift_name,
        shift_number,
        sum(measured_increment)::bigint as measured_increment,
        sum(estimated_increment)::bigint as estimated_increment,
        coalesce(sum(suspect_increment), 0)::bigint as suspect_increment,
        sum(error_count)::bigint as error_count,
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
        day_fingerprint, grain, device_id, shift_name, shift_number,
        production_date, start_time, end_time

)

select
    periods.*,
    first_reading.measurement_id as first_measurement_id,
    last_reading.measurement_id as last_measurement_id,
    last_level.count as total_count,
    case
        when measured_increment is not null or estimated_increment > 0
            then coalesce(measured_increment, 0) + coalesce(estimated_increment, 0)
    end as count_increment
from periods
{%- for edge in ['first', 'last'] %}
-- One by one: a join would read the whole series.
left join lateral (
    select measurement_id from readings
    where readings.device_id = periods.device_id
        and readings.event_at = periods.{{ edge }}_reading_at
    limit 1
) as {{ edge }}_reading on true
{%- endfor %}
left join lateral (
    select levels.count from readings as levels
    where levels.device_id = periods.device_id
        and levels.event_at < periods.end_time
        and levels.is_level
    order by levels.event_at desc
    limit 1
) as last_level on true
