-- One row per device and clock-aligned bucket of a few minutes with observed time:
-- pieces and seconds, for peaks and trends.
{%- set length = literal(var('bucket_minutes') ~ ' minutes') %}
with int_brick_slices as (

    select * from {{ ref('int_brick_slices') }}
    where not is_gap and state <> 'unobserved'

),

parts as (

    select
        device_id,
        production_date,
        bucket_start,
        state in ('running', 'slow') as is_running,
        rate_per_hour,
        {{ seconds_between(
            'greatest(starts_at, bucket_start)',
            'least(ends_at, bucket_start + interval ' ~ length ~ ')'
        ) }} as seconds
    from int_brick_slices
    cross join lateral generate_series(
        date_bin({{ length }}, starts_at, {{ hour_start('starts_at') }}),
        ends_at - interval '1 microsecond',
        interval {{ length }}
    ) as bucket_start

),

final as (

    select
        device_id,
        round(
            coalesce(sum(rate_per_hour * seconds) filter (where is_running), 0) / 3600,
            6
        ) as pieces,
        sum(seconds) as observed_seconds,
        coalesce(sum(seconds) filter (where is_running), 0) as running_seconds,
        production_date,
        bucket_start as starts_at
    from parts
    group by device_id, production_date, bucket_start

)

select * from final
