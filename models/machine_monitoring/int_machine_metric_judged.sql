-- One row per grain, device, metric and period: the metric's facts, its limits, and
-- how long and how often it was above them.
with int_machine_metric_periods as (

    select * from {{ ref('int_machine_metric_periods') }}

),

int_machine_ranges as (select * from {{ ref('int_machine_ranges') }}),

int_machine_alerts as (select * from {{ ref('int_machine_alerts') }}),

machine_metrics as (select * from {{ ref('machine_metrics') }}),

devices as (

    select
        upper(trim(device_id)) as device_id,
        lower(trim(sensor_type)) as sensor_type,
        production_line, location, machine_type
    from {{ ref('device_registry') }}

),

plant as (select {{ as_of() }} as as_of)

select
    periods.sensor_type, periods.device_id, periods.grain,
    devices.production_line, devices.location, devices.machine_type,
    periods.metric, machine_metrics.unit, shift_name, shift_number,
    {{ period_status('end_time', 'as_of') }} as period_status,
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
from int_machine_metric_periods as periods
cross join plant
left join devices using (sensor_type, device_id)
left join machine_metrics on periods.metric = machine_metrics.metric
cross join lateral (
    select
        {%- for severity in ['warning', 'critical'] %}
        sum(above_seconds) filter (where severity = '{{ severity }}')
            as above_{{ severity }}_seconds{{ ',' if not loop.last }}
        {%- endfor %}
    from int_machine_ranges as ranges
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
    from int_machine_alerts as alerts
    where {{ is_same_device_day('alerts', 'periods') }}
        and alerts.metric = periods.metric
) as alerts
