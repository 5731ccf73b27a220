-- One row per device and shift: running time, health, alerts, maintenance.
-- depends_on: {{ ref('int_machine_periods') }}
-- depends_on: {{ ref('int_machine_metric_periods') }}
-- depends_on: {{ ref('int_machine_ranges') }}
-- depends_on: {{ ref('int_machine_alerts') }}
-- depends_on: {{ ref('int_machine_trends') }}
-- depends_on: {{ ref('int_machine_anomaly_episodes') }}
-- depends_on: {{ ref('int_message_periods') }}
-- depends_on: {{ ref('device_thresholds') }}
-- depends_on: {{ ref('machine_monitoring_anomalies') }}
-- depends_on: {{ ref('machine_limits') }}
-- depends_on: {{ ref('device_days') }}
with device_days as materialized (

    select
        sensor_type, device_id, production_date,
        {{ fingerprint() }} as day_fingerprint
    from (select * from {{ ref('device_day_inputs') }}) as days
    where sensor_type in {{ sensor_types('stg_machine_messages') }}
        and {{ is_unbuilt() }}

),

int_machine_judged as (select * from {{ ref('int_machine_judged') }}),

final as (

    select
        device_days.day_fingerprint as fingerprint, judged.device_id,
        judged.sensor_type, production_line, location, machine_type, shift_name,
        shift_number, period_status, status, maintenance_reason,
        data_quality_reasons, first_measurement_id, last_measurement_id,
        anomaly_types, anomaly_reason, anomaly_score, avg_temperature,
        max_temperature, avg_vibration, max_vibration, avg_pressure, avg_rpm,
        calendar_seconds, running_seconds, stopped_seconds,
        planned_stop_seconds, unobserved_seconds, observed_seconds,
        uptime_percentage, alert_count, critical_alert_count, failure_count,
        mtbf_seconds, repair_count, repair_seconds, mttr_seconds,
        temperature_penalty, vibration_penalty, trend_penalty, downtime_penalty,
        anomaly_penalty, health_score, days_to_critical, reading_count,
        health_count, rejected_count, duplicate_count, late_count,
        data_quality_score, maintenance_needed, is_anomaly, metadata,
        judged.production_date, start_time, end_time, created_at, updated_at
    from device_days
    cross join lateral (
        select * from int_machine_judged as judged
        where {{ is_same_device_day('judged', 'device_days') }}
            and grain = 'shift'
        offset 0
    ) as judged

)

select * from final
