-- One row per device and clock-aligned bucket of a few minutes with observed time:
-- pieces and seconds, for peaks and trends.
{%- set length = literal(var('bucket_minutes') ~ ' minutes') %}
{%- set midnight = local_moment("date '2000-01-01'", "time '00:00'") %}
with observed as not materialized (
    select
        *,
        state in ('running', 'slow') as is_running,
        date_bin({{ length }}, starts_at, {{ midnight }}) as first_bucket,
        date_bin({{ length }}, ends_at - interval '1 microsecond', {{ midnight }})
            as last_bucket
    from {{ ref('int_brick_slices') }}
    where not is_gap and state <> 'unobserved'
),

-- Most slices lie in one bucket, and are not cut.
parts as (
    select
        device_id, production_date, is_running, rate_per_hour, seconds,
        first_bucket as bucket_start
    from observed
    where first_bucket = last_bucket
    union all
    select
        device_id, production_date, is_running, rate_per_hour,
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
