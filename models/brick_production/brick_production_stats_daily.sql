-- One row per device and production day: bricks, errors, speed, the counter's health, anomalies.
with int_brick_production_judged as (

    select * from {{ ref('int_brick_production_judged') }}

),

final as (

    select
        fingerprint,
        device_id,
        production_line,
        position,
        stage,
        brick_type,
        period_status,
        first_measurement_id,
        last_measurement_id,
        anomaly_types,
        anomaly_reason,
        anomaly_score,
        total_count,
        count_increment,
        measured_increment,
        estimated_increment,
        suspect_increment,
        error_count,
        error_rate,
        observed_seconds,
        unobserved_seconds,
        avg_speed,
        count_mean,
        count_std,
        count_min,
        count_max,
        reading_count,
        reset_count,
        dip_count,
        spike_count,
        rejected_count,
        duplicate_count,
        is_anomaly,
        production_date,
        start_time,
        end_time
    from int_brick_production_judged
    where grain = 'day'

)

select * from final
