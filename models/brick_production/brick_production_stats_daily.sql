-- One row per device and production day: bricks, errors, speed, anomalies.
-- depends_on: {{ ref('int_brick_production_periods') }}
-- depends_on: {{ ref('int_brick_speeds') }}
-- depends_on: {{ ref('int_brick_sensor_health') }}
-- depends_on: {{ ref('int_message_periods') }}
-- depends_on: {{ ref('device_thresholds') }}
-- depends_on: {{ ref('brick_production_anomalies') }}
-- depends_on: {{ ref('planned_stops') }}
-- depends_on: {{ ref('device_days') }}

with device_days as materialized (

    select device_id, production_date, {{ fingerprint() }} as day_fingerprint
    from (select * from {{ ref('device_day_inputs') }}) as days
    where sensor_type in {{ sensor_types('stg_brick_counts') }}
        and {{ is_unbuilt() }}

),

int_brick_production_judged as (

    select * from {{ ref('int_brick_production_judged') }}

),

final as (

    select
        device_days.day_fingerprint as fingerprint, judged.device_id,
        production_line, position, stage, brick_type, brick_type_count,
        period_status, first_measurement_id, last_measurement_id, speed_trend,
        issues, warnings, data_quality_reasons, anomaly_types, anomaly_reason,
        anomaly_score, total_count, count_increment, measured_increment,
        estimated_increment, suspect_increment, error_count, error_rate,
        calendar_seconds, planned_stop_seconds, running_seconds, slow_seconds,
        micro_stop_seconds, downtime_seconds, unobserved_seconds,
        observed_busy_seconds, avg_speed, run_speed, peak_speed, speed_p25,
        speed_p50, speed_p75, speed_p95, rate_mean, rate_std, speed_slope_per_hour,
        trend_p_value, stop_resolution_seconds, target_count,
        target_attainment_ratio, efficiency, availability, performance_raw,
        performance, quality, oee_without_quality, oee, teep, observability_ratio,
        count_mean, count_std, count_min, count_max, reading_count, reset_count,
        dip_count, spike_count, rejected_count, duplicate_count, late_count,
        data_quality_score, avg_rssi_dbm, min_rssi_dbm, battery_percent_end,
        avg_temperature_celsius, reboot_count, is_reliable, is_over_ideal,
        is_healthy, is_anomaly, metadata, judged.production_date, start_time,
        end_time, created_at, updated_at
    from device_days
    cross join lateral (
        select * from int_brick_production_judged
        where int_brick_production_judged.device_id = device_days.device_id
            and int_brick_production_judged.production_date
            = device_days.production_date
            and grain = 'day'
        offset 0
    ) as judged

)

select * from final
