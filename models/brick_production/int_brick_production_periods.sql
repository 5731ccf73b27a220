-- One row per grain (hour, shift, day), device and period: the facts of the period.
with int_brick_hours as (select * from {{ ref('int_brick_hours') }}),

shifts as (select * from {{ ref('shifts') }}),

int_brick_increments as not materialized (

    select * from {{ ref('int_brick_increments') }} where is_level

),

shift_hours as (

    select
        int_brick_hours.*,
        shifts.shift_name,
        {{ shift_number('int_brick_hours.production_date', 'shifts') }} as shift_number,
        {{ local_moment('int_brick_hours.production_date', 'shifts.starts_at') }}
            as shift_starts_at,
        {{ shift_end('int_brick_hours.production_date', 'shifts') }} as shift_ends_at
    from int_brick_hours
    left join shifts
        on int_brick_hours.production_date between shifts.valid_from
            and coalesce(shifts.valid_to, date 'infinity')
        and int_brick_hours.hour_start
            >= {{ local_moment('int_brick_hours.production_date', 'shifts.starts_at') }}
        and int_brick_hours.hour_start
            < {{ shift_end('int_brick_hours.production_date', 'shifts') }}

),

hours_by_grain as (

    select
        'hour' as grain,
        hour_start as start_time,
        hour_start + interval '1 hour' as end_time,
        *
    from shift_hours
    union all
    select 'shift' as grain, shift_starts_at, shift_ends_at, * from shift_hours
    union all
    select
        'day' as grain,
        {{ local_moment('production_date', day_start()) }},
        {{ local_moment('(production_date + 1)', day_start()) }},
        *
    from shift_hours

),

periods as (

    select
        fingerprint,
        grain,
        device_id,
        case when grain <> 'day' then shift_name end as shift_name,
        case when grain <> 'day' then shift_number end as shift_number,
        sum(measured_increment) as measured_increment,
        sum(estimated_increment) as estimated_increment,
        coalesce(sum(suspect_increment), 0) as suspect_increment,
        sum(error_count) as error_count,
        coalesce(sum(observed_seconds), 0) as observed_seconds,
        coalesce(sum(gap_seconds), 0) as gap_seconds,
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
        fingerprint, grain, device_id, 4, 5, production_date, start_time, end_time

)

select * from periods
