-- One row per device, metric, rule and episode of an anomaly: from when until when, how
-- bad, in words, and what explains it away.
with int_anomaly_episodes as (select * from {{ ref('int_anomaly_episodes') }}),

circumstances as (select * from {{ ref('int_anomaly_circumstances') }}),

devices as (select * from {{ ref('devices') }}),

anomaly_rules as (select * from {{ ref('anomaly_rules') }}),

int_brick_steps as not materialized (select * from {{ ref('int_brick_steps') }}),

limits as (
    select
        sensor_type, device_id,
        {%- for limit in ['warning_strength', 'warning_seconds', 'critical_strength',
            'critical_seconds', 'least_quality'] %}
        max(coalesce(high, low)) filter (where metric = 'episode_{{ limit }}')
            as {{ limit }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('device_thresholds') }}
    group by sensor_type, device_id
),

episodes as (
    select
        *,
        case when is_registered then ideal_rate_per_hour end as registered_ideal_rate,
        {{ production_date('starts_at') }} as production_date,
        {{ seconds_between('starts_at', 'flagged_until') }} as seconds
    from int_anomaly_episodes
    inner join circumstances using (sensor_type, device_id, metric, rule, starts_at)
    inner join devices using (sensor_type, device_id)
    inner join limits using (sensor_type, device_id)
    inner join anomaly_rules using (rule)
),

judged as (
    select
        *,
        case
            -- Where the line is silent its devices are well: the network is not.
            when rule = 'comms_loss' and standstill_kind = 'comms_loss' then 'info'
            when family <> 'structural' and peak_strength >= critical_strength
                or seconds >= critical_seconds then 'critical'
            when family <> 'structural' and peak_strength >= warning_strength
                or seconds >= warning_seconds
                or least_severity = 'warning' then 'warning'
            else 'info'
        end as severity,
        case
            when is_planned and about <> 'errors' then 'planned_stop'
            when about = 'messages' then case
                when rule = 'sensor_dead' and standstill_kind = 'comms_loss'
                    then 'comms_loss'
            end
            when is_near_reset then 'line_wide_reset'
            when about = 'errors' then case
                when data_quality_score < least_quality then 'low_data_quality'
            end
            when standstill_kind = 'planned' then 'planned_stop'
            when standstill_kind in ('starved', 'blocked', 'changeover', 'comms_loss')
                then standstill_kind
            when waits_for is not null then waits_for
            when data_quality_score < least_quality then 'low_data_quality'
        end as suppressed_by,
        round((case loses
            when 'time' then observed * registered_ideal_rate / 3600
            when 'speed' then greatest(0, expected * seconds / 3600 - (
                select coalesce(sum(count_increment), 0)::double precision
                from int_brick_steps
                where int_brick_steps.device_id = episodes.device_id
                    and int_brick_steps.production_date
                    between episodes.production_date
                    and {{ production_date('flagged_until') }}
                    and int_brick_steps.ends_at > episodes.starts_at
                    and int_brick_steps.ends_at <= flagged_until
            ))
        end)::numeric, 3) as lost_units
    from episodes
)

select
    production_date,
    starts_at as started_at,
    case when not is_open then flagged_until end as ended_at,
    device_id, sensor_type, production_line, stage, metric, rule, severity,
    suppressed_by,
    format(
        '[%s] %s, %s: %s%s', severity, device_id,
        {{ told_time('starts_at', 'flagged_until', 'is_open') }}, explanation,
        '; about ' || round(nullif(lost_units, 0)) || ' pieces lost'
    ) as explanation,
    observed, expected, lower, upper, flag_count, peak_strength,
    1 - 1 / (1 + peak_strength) as anomaly_score,
    lost_units,
    flagged_until as seen_until,
    md5(concat_ws(
        '|', sensor_type, device_id, rule, metric, extract(epoch from starts_at)
    )) as episode_id
from judged
