-- One row per device, metric, rule and episode: flags of a rule that follow each other
-- closely, with the strongest among them.
with devices as (select * from {{ ref('devices') }}),

flags as (
    {%- for points, staging_model in {
        'brick_production_anomalies': 'stg_brick_counts',
        'moisture_analysis_anomalies': 'stg_moisture_readings',
        'machine_monitoring_anomalies': 'stg_machine_messages',
    }.items() %}
    select
        devices.sensor_type, devices.device_id, points.metric, points.detector as rule,
        points.observed, points.expected, points.lower, points.upper,
        points.strength, points.explanation,
        points.at as starts_at, points.at as ends_at
    from (select * from {{ ref(points) }}) as points
    inner join devices
        on points.device_id = devices.device_id
        and devices.sensor_type in {{ sensor_types(staging_model) }}
        {%- if staging_model == 'stg_machine_messages' %}
        and points.sensor_type = devices.sensor_type
        {%- endif %}
    where points.is_flagged
    union all
    {%- endfor %}
    select * from {{ ref('int_structural_flags') }}
),

gaps as (
    select
        sensor_type, device_id,
        greatest(
            max(thresholds.high),
            {{ var('hold_intervals') }} * max(expected_interval_seconds)
        ) * interval '1 s' as gap
    from devices
    inner join (
        select * from {{ ref('device_thresholds') }} where metric = 'episode_gap'
    ) as thresholds using (sensor_type, device_id)
    group by sensor_type, device_id
),

plant as (select {{ as_of() }} as as_of),

-- A flag without an end lasts until now.
with_onset as (
    select
        flags.*,
        gaps.gap,
        coalesce(ends_at, as_of) as flagged_until,
        coalesce(
            starts_at > max(coalesce(ends_at, as_of)) over before_it + gaps.gap, true
        ) as is_onset
    from flags
    inner join gaps using (sensor_type, device_id)
    cross join plant
    window before_it as (
        partition by sensor_type, device_id, metric, rule
        order by starts_at rows between unbounded preceding and 1 preceding
    )
),

numbered as (
    select
        *,
        count(*) filter (where is_onset) over (
            partition by sensor_type, device_id, metric, rule order by starts_at
        ) as episode
    from with_onset
)

select
    sensor_type,
    device_id,
    metric,
    rule,
    count(*) as flag_count,
    max(strength) as peak_strength,
    {%- for column in ['observed', 'expected', 'lower', 'upper', 'explanation'] %}
    (array_agg({{ column }} order by strength desc, starts_at asc))[1] as {{ column }},
    {%- endfor %}
    min(starts_at) as starts_at,
    max(flagged_until) as flagged_until,
    max(gap) as gap,
    -- Open while another flag would still belong to it.
    bool_or(ends_at is null) or max(flagged_until) + max(gap) >= max(as_of) as is_open
from numbered
cross join plant
group by sensor_type, device_id, metric, rule, episode
