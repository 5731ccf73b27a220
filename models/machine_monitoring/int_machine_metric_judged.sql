-- One row per grain, device, metric and period: the metric's facts, its limits, and
-- how long and how often it was above them.
with device_days as (
    select * from {{ days([
        'production_line', 'location', 'machine_type', 'present_of_the_day',
    ]) }} as days
),

machine_metrics as (select * from {{ ref('machine_metrics') }})

select
    periods.sensor_type, periods.device_id, periods.grain,
    device_days.production_line, device_days.location, device_days.machine_type,
    periods.metric, machine_metrics.unit, shift_name, shift_number,
    {{ period_status('end_time', 'device_days.present_of_the_day') }} as period_status,
    periods.trend as metric_trend,
    coalesce(value_seconds / nullif(observed_seconds, 0), sample_mean) as avg_value,
    min_value, max_value, value_std, value_p95,
    slope as slope_per_hour,
    p_value as trend_p_value,
    value_seconds, observed_seconds, running_seconds, sample_count,
    {%- for severity in ['warning', 'critical'] %}
    alerts.{{ severity }}_limit,
    case when alerts.{{ severity }}_limit is not null
        then coalesce(ranges.above_{{ severity }}_seconds, 0)
    end as above_{{ severity }}_seconds,
    {%- endfor %}
    case when alerts.warning_limit is not null then alerts.warning_count end
        as alert_count,
    case when alerts.critical_limit is not null then alerts.critical_count end
        as critical_alert_count,
    periods.production_date, periods.start_time, periods.end_time
from device_days
cross join lateral {{ reads('int_machine_metric_periods') }} as periods
left join machine_metrics on periods.metric = machine_metrics.metric
cross join lateral (
    select
        {%- for severity in ['warning', 'critical'] %}
        sum(above_seconds) filter (where severity = '{{ severity }}')
            as above_{{ severity }}_seconds{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ reads('int_machine_ranges') }} as ranges
    where {{ is_same_period('ranges', 'periods') }}
        and ranges.sensor_type = periods.sensor_type
        and ranges.metric = periods.metric
) as ranges
cross join lateral (
    select
        {%- for severity in ['warning', 'critical'] %}
        max(limit_value) filter (where severity = '{{ severity }}')
            as {{ severity }}_limit,
        count(*) filter (
            where severity = '{{ severity }}' and not is_continued
                and starts_at >= periods.start_time and starts_at < periods.end_time
        ) as {{ severity }}_count{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ reads('int_machine_alerts') }} as alerts
    where alerts.metric = periods.metric
) as alerts
