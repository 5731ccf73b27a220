-- One row per device and clock-aligned bucket of a few minutes with observed time:
-- pieces and seconds, for peaks, trends, and what flows past a stage.
{%- set length = literal(var('bucket_minutes') ~ ' minutes') %}
with device_days as (select * from {{ days() }} as days)

select
    device_days.device_id,
    buckets.*,
    device_days.production_date
from device_days
cross join lateral (
    with observed as (
        select
            *,
            state in ('running', 'slow') as is_running,
            {{ bucket_start('starts_at') }} as first_bucket,
            {{ bucket_start("ends_at - interval '1 microsecond'") }} as last_bucket
        from {{ reads('int_brick_slices') }} as slices_of_the_day
        where not is_gap and state <> 'unobserved'
        offset 0
    ),

    -- Most slices lie in one bucket, and are not cut.
    parts as (
        select
            is_running, rate_per_hour, seconds,
            first_bucket as bucket_start
        from observed
        where first_bucket = last_bucket
        union all
        select
            is_running, rate_per_hour,
            {{ seconds_between(
                'greatest(starts_at, bucket_start)',
                'least(ends_at, bucket_start + interval ' ~ length ~ ')'
            ) }} as seconds,
            bucket_start
        from observed
        cross join lateral generate_series(
            first_bucket, last_bucket, interval {{ length }}
        ) as bucket_start
        where first_bucket < last_bucket
    )

    select
        bucket_start as starts_at,
        round(
            coalesce(sum(rate_per_hour * seconds) filter (where is_running), 0) / 3600,
            6
        ) as pieces,
        sum(seconds) as observed_seconds,
        coalesce(sum(seconds) filter (where is_running), 0) as running_seconds
    from parts
    group by bucket_start
    offset 0
) as buckets
