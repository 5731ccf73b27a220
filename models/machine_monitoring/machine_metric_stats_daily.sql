-- One row per device, metric and production day: what was measured, how it moved, how
-- long it was too high.
select
    device_id,
    sensor_type,
    production_line,
    location,
    machine_type,
    metric,
    unit,
    period_status,
    metric_trend,
    avg_value,
    min_value,
    max_value,
    value_std,
    value_p95,
    slope_per_hour,
    trend_p_value,
    value_seconds,
    observed_seconds,
    running_seconds,
    warning_limit,
    critical_limit,
    above_warning_seconds,
    above_critical_seconds,
    alert_count,
    critical_alert_count,
    sample_count,
    production_date,
    start_time,
    end_time
from {{ ref('int_machine_metric_judged') }}
where grain = 'day'
