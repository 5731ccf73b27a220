-- One row per grain, device and period: the points that limits, trend, stops and
-- anomalies take from the machine's health, and what is left of it.
{%- set rules = [
    'limit_points', 'trend_soon_days', 'trend_soon_points', 'trend_later_days',
    'trend_later_points', 'trend_chance', 'downtime_points', 'warning_points',
    'critical_points', 'anomaly_points', 'observed_share', 'healthy', 'degraded',
] %}
{%- set penalties = [
    'temperature_penalty', 'vibration_penalty', 'trend_penalty', 'downtime_penalty',
    'anomaly_penalty',
] %}
with int_machine_calendar as (select * from {{ ref('int_machine_calendar') }}),

int_machine_ranges as (select * from {{ ref('int_machine_ranges') }}),

int_machine_trends as (
    select * from {{ ref('int_machine_trends') }} where metric = 'vibration'
),

int_anomaly_periods as (select * from {{ ref('int_anomaly_periods') }}),

limits as (
    select
        sensor_type, device_id,
        {%- for rule in rules %}
        max(coalesce(high, low)) filter (where metric = 'health_{{ rule }}')
            as {{ rule }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('device_thresholds') }}
    where sensor_type in {{ sensor_types('stg_machine_messages') }}
    group by sensor_type, device_id
),

with_penalties as (
    select
        periods.*,
        limits.observed_share, limits.healthy, limits.degraded,
        limits.trend_soon_points,
        trends.slope_per_day as vibration_slope_per_day,
        trends.p_value as vibration_trend_p_value,
        trends.level as vibration_level,
        ahead.days_to_critical,
        shares.temperature_above_ratio,
        shares.vibration_above_ratio,
        shares.temperature_shares * limits.limit_points as temperature_penalty,
        shares.vibration_shares * limits.limit_points as vibration_penalty,
        case
            when trends.p_value is null or critical_vibration is null then null
            when ahead.days_to_critical <= limits.trend_soon_days
                then limits.trend_soon_points
            when ahead.days_to_critical <= limits.trend_later_days
                then limits.trend_later_points
            else 0
        end as trend_penalty,
        limits.downtime_points * (stopped_seconds - planned_stop_seconds)
        / nullif(observed_seconds, 0) as downtime_penalty,
        least(
            limits.anomaly_points,
            limits.warning_points * coalesce(anomalies.warning_count, 0)
            + limits.critical_points * coalesce(anomalies.critical_count, 0)
        ) as anomaly_penalty,
        coalesce(anomalies.warning_count, 0) as warning_count,
        coalesce(anomalies.critical_count, 0) as critical_count
    from int_machine_calendar as periods
    left join limits using (sensor_type, device_id)
    left join int_machine_trends as trends
        on {{ same_device_day('periods', 'trends') }}
    cross join lateral (
        select
            {%- for metric in ['temperature', 'vibration'] %}
            sum(above_seconds / nullif(ranges.running_seconds, 0))
                filter (where metric = '{{ metric }}') as {{ metric }}_shares,
            max(above_seconds / nullif(ranges.running_seconds, 0))
                filter (where metric = '{{ metric }}') as {{ metric }}_above_ratio
            {{- ',' if not loop.last }}
            {%- endfor %}
        from int_machine_ranges as ranges
        where {{ is_same_period('ranges', 'periods') }}
            and ranges.sensor_type = periods.sensor_type
    ) as shares
    cross join lateral (
        select case when slope_per_day > 0 and p_value < limits.trend_chance then
            greatest(critical_vibration - level, 0) / slope_per_day
        end as days_to_critical
    ) as ahead
    left join int_anomaly_periods as anomalies
        on periods.sensor_type = anomalies.sensor_type
        and {{ is_same_period('periods', 'anomalies') }}
)

select
    *,
    -- What cannot be known takes no point; too little observed time tells nothing.
    case when observed_seconds >= observed_share * calendar_seconds then greatest(
        0, 100
        {%- for penalty in penalties %}
        - coalesce({{ penalty }}, 0)
        {%- endfor %}
    ) end as health_score
from with_penalties
