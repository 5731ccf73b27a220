-- One row per device, production day, detector, metric and episode: flags of a rule
-- that follow each other closely; a rule without a flag has one row without a time.
{%- set rules = [
    'gap', 'warning_strength', 'warning_seconds', 'critical_strength', 'critical_seconds',
] %}
with device_days as (select * from {{ days() }} as days),

device_thresholds as (select * from {{ ref('device_thresholds') }})

select
    device_days.sensor_type,
    device_days.device_id,
    device_days.production_date,
    episodes.*
from device_days
cross join lateral (
    with limits as (
        select
            {%- for rule in rules %}
            max(coalesce(high, low)) filter (where metric = 'episode_{{ rule }}')
                as {{ rule }}{{ ',' if not loop.last }}
            {%- endfor %}
        from device_thresholds
        where {{ is_same_device('device_thresholds', 'device_days') }}
    ),

    flags as (
        select
            *,
            {{ seconds_between(
                'lag(at) over (partition by detector, metric order by at)', 'at'
            ) }} as seconds_since_flag
        from {{ reads('machine_monitoring_anomalies') }} as flags_of_the_day
    ),

    numbered as (
        select
            *,
            count(*) filter (where seconds_since_flag > limits.gap) over (
                partition by detector, metric order by at
            ) as episode_number
        from flags
        cross join limits
    ),

    merged as (
        select
            detector, metric,
            count(at) as point_count,
            max(strength) as peak_strength,
            min(at) as started_at,
            max(at) as ended_at,
            {{ seconds_between('min(at)', 'max(at)') }} as seconds
        from numbered
        group by detector, metric, episode_number
    )

    select
        detector, metric,
        case
            when point_count = 0 then null
            when peak_strength >= critical_strength or seconds >= critical_seconds
                then 'critical'
            -- What a limit says is at least a warning, what history says need not be.
            when peak_strength >= warning_strength or seconds >= warning_seconds
                or detector in ('threshold', 'sensor_dead') then 'warning'
            else 'info'
        end as severity,
        point_count, peak_strength, started_at, ended_at
    from merged
    cross join limits
) as episodes
