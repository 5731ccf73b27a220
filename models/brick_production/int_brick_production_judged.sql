-- One row per grain, device and period: the period's facts with the judgments on them.
{{ config(materialized='ephemeral') }}

with int_brick_production_periods as (

    select * from {{ ref('int_brick_production_periods') }}

),

brick_production_anomalies as (

    select * from {{ ref('brick_production_anomalies') }} where is_flagged

),

devices as (

    select * from {{ ref('devices') }}
    where sensor_type in {{ sensor_types('stg_brick_counts') }}

),

plant as (select {{ as_of() }} as as_of),

final as (

    select
        periods.*,
        devices.production_line,
        devices.position,
        devices.stage,
        devices.brick_type,
        devices.error_counter_means,
        case
            when periods.end_time > plant.as_of then 'running'
            when periods.end_time > plant.as_of - interval '6 hours' then 'provisional'
            else 'final'
        end as period_status,
        anomalies.anomaly_types,
        anomalies.anomaly_reason,
        anomalies.anomaly_score,
        round(error_count::numeric / nullif(measured_increment, 0), 6) as error_rate,
        round(measured_increment * 3600 / nullif(observed_seconds, 0), 3) as avg_speed,
        anomalies.anomaly_types is not null as is_anomaly
    from int_brick_production_periods as periods
    inner join devices on periods.device_id = devices.device_id
    cross join plant
    left join lateral (
        select
            array_agg(detector order by detector) as anomaly_types,
            string_agg(explanation, '; ' order by detector) as anomaly_reason,
            max(anomaly_score) as anomaly_score
        from (
            -- Each rule speaks once, through its strongest flag.
            select distinct on (detector) *
            from brick_production_anomalies as flags
            where flags.device_id = periods.device_id
                and flags.production_date between periods.production_date
                and periods.production_date + 1
                and flags.at > periods.start_time
                and flags.at <= periods.end_time
            order by detector, strength desc, at
        ) as strongest
    ) as anomalies on true

)

select * from final
