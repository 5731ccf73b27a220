-- One row per device and production day: moisture, time in range, alerts, anomalies.
-- depends_on: {{ ref('int_moisture_periods') }}
-- depends_on: {{ ref('int_moisture_ranges') }}
-- depends_on: {{ ref('int_message_periods') }}
-- depends_on: {{ ref('device_thresholds') }}
-- depends_on: {{ ref('moisture_analysis_anomalies') }}
with device_days as materialized (

    select device_id, production_date, {{ fingerprint() }} as day_fingerprint
    from (select * from {{ ref('device_day_inputs') }}) as days
    where sensor_type in {{ sensor_types('stg_moisture_readings') }}
        and {{ is_unbuilt() }}

),

int_moisture_judged as (select * from {{ ref('int_moisture_judged') }}),

final as (

    select
        device_days.day_fingerprint as fingerprint,
        judged.device_id,
        production_line,
        location,
        period_status,
        unit,
        trend as moisture_trend,
        alert_level,
        data_quality_reasons,
        first_measurement_id,
        last_measurement_id,
        anomaly_types,
        anomaly_reason,
        anomaly_score,
        avg_moisture,
        min_moisture,
        max_moisture,
        moisture_std,
        moisture_p05,
        moisture_p50,
        moisture_p95,
        band_low,
        band_high,
        pp,
        ppk,
        slope as moisture_slope_per_hour,
        p_value as trend_p_value,
        avg_temperature_celsius,
        avg_humidity_percent,
        moisture_seconds,
        observed_seconds,
        unobserved_seconds,
        in_range_seconds,
        out_of_range_seconds,
        time_in_range_ratio,
        excursion_seconds,
        excursion_count,
        gap_count,
        longest_gap_seconds,
        sample_count,
        health_count,
        rejected_count,
        duplicate_count,
        late_count,
        data_quality_score,
        is_optimal,
        is_unit_guessed,
        is_anomaly,
        judged.production_date,
        start_time,
        end_time
    from device_days
    cross join lateral (
        select * from int_moisture_judged
        where int_moisture_judged.device_id = device_days.device_id
            and int_moisture_judged.production_date = device_days.production_date
            and grain = 'day'
        offset 0
    ) as judged

)

select * from final
