-- One row per grain, device and period: the period's facts with the judgments on them.
with int_brick_production_calendar as (

    select
        *,
        planned_stop_seconds + padded_planned_stop_seconds as planned_seconds,
        unobserved_seconds + padded_unobserved_seconds as silent_seconds,
        running_seconds + slow_seconds as run_seconds,
        running_seconds + slow_seconds + micro_stop_seconds + downtime_seconds
            as observed_busy_seconds
    from {{ ref('int_brick_production_calendar') }}

),

brick_production_anomalies as (

    select * from {{ ref('brick_production_anomalies') }} where is_flagged

),

device_registry as (

    select * from {{ ref('device_registry') }}
    where lower(trim(sensor_type)) in {{ sensor_types('stg_brick_counts') }}

),

final as (

    select
        periods.grain,
        periods.device_id,
        periods.production_line,
        {{ device_position('periods.device_id') }} as position,
        device_registry.stage,
        coalesce(periods.brick_type, device_registry.brick_type) as brick_type,
        periods.shift_name,
        periods.period_status,
        anomalies.anomaly_types,
        anomalies.anomaly_reason,
        anomalies.anomaly_score,
        periods.shift_number,
        periods.brick_type_count::integer as brick_type_count,
        periods.first_measurement_id,
        periods.last_measurement_id,
        periods.total_count,
        periods.count_increment,
        periods.measured_increment,
        periods.estimated_increment,
        periods.suspect_increment,
        periods.error_count,
        round(error_count::numeric / nullif(measured_increment, 0), 6) as error_rate,
        periods.calendar_seconds,
        periods.planned_seconds as planned_stop_seconds,
        periods.run_seconds as running_seconds,
        periods.slow_seconds,
        periods.micro_stop_seconds,
        periods.downtime_seconds,
        periods.silent_seconds as unobserved_seconds,
        periods.observed_busy_seconds,
        round(measured_increment * 3600 / nullif(observed_busy_seconds, 0), 3)
            as avg_speed,
        round(measured_increment * 3600 / nullif(run_seconds, 0), 3) as run_speed,
        periods.count_mean,
        periods.count_std,
        periods.count_min,
        periods.count_max,
        periods.reading_count,
        periods.reset_count,
        periods.dip_count,
        periods.spike_count,
        periods.rejected_count,
        periods.duplicate_count,
        anomalies.anomaly_types is not null as is_anomaly,
        periods.production_date,
        periods.start_time,
        periods.end_time
    from int_brick_production_calendar as periods
    left join device_registry
        on periods.device_id = upper(trim(device_registry.device_id))
    cross join lateral {{ anomalies_of_the_period(
        'brick_production_anomalies', 'periods'
    ) }} as anomalies

)

select * from final
