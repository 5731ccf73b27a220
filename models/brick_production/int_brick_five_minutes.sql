-- One row per device and clock-aligned bucket of a few minutes with observed time: pieces
-- and seconds, for peaks and trends.
{%- set length = var('bucket_minutes') ~ ' minutes' %}
with device_days as materialized (

    select *, {{ fingerprint() }} as day_fingerprint
    from (select * from {{ ref('device_day_inputs') }}) as days
    where sensor_type in {{ sensor_types('stg_brick_counts') }}
        and {{ is_unbuilt() }}

),

int_brick_slices as not materialized (select * from {{ ref('int_brick_slices') }})

select
    device_days.day_fingerprint as fingerprint,
    device_days.device_id,
    buckets.*,
    device_days.production_date
from device_days
cross join lateral (
    with parts as (
        select
            bucket_start,
            state in ('running', 'slow') as is_running,
            rate_per_hour,
            {{ seconds_between(
                'greatest(starts_at, bucket_start)',
                "least(ends_at, bucket_start + interval '" ~ length ~ "')"
            ) }} as seconds
        from int_brick_slices
        cross join lateral generate_series(
            date_bin('{{ length }}', starts_at, {{ hour_start('starts_at') }}),
            ends_at - interval '1 microsecond',
            interval '{{ length }}'
        ) as bucket_start
        where int_brick_slices.device_id = device_days.device_id
            and int_brick_slices.production_date = device_days.production_date
            and not is_gap
            and state <> 'unobserved'
    )

    select
        round(
            coalesce(sum(rate_per_hour * seconds) filter (where is_running), 0) / 3600, 6
        ) as pieces,
        sum(seconds) as observed_seconds,
        coalesce(sum(seconds) filter (where is_running), 0) as running_seconds,
        bucket_start as starts_at
    from parts
    group by bucket_start
    offset 0
) as buckets
