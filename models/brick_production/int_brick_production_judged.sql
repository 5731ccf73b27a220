-- One row per grain, device and period: the period's facts with the judgments on them.
with int_brick_production_periods as (

    select * from {{ ref('int_brick_production_periods') }}

),

brick_production_anomalies as (

    select * from {{ ref('brick_production_anomalies') }} where is_flagged

),

device_registry as (

    select * from {{ ref('device_registry') }}
    where lower(trim(sensor_type)) in {{ sensor_types('stg_brick_counts') }}

),

plant as (select {{ as_of() }} as as_of),

final as (

    select
        periods.*,
        device_registry.production_line,
        {{ device_position('periods.device_id') }} as position,
        device_registry.stage,
        device_registry.brick_type,
        case
            when periods.end_time > plant.as_of then 'running'
            when periods.end_time > plant.as_of - interval '{{ var("final_after") }}'
                then 'provisional'
            else 'final'
        end as period_status,
        anomalies.anomaly_types,
        anomalies.anomaly_reason,
        anomalies.anomaly_score,
        round(error_count::numeric / nullif(measured_increment, 0), 6) as error_rate,
        round(measured_increment * 3600 / nullif(observed_seconds, 0), 3) as avg_speed,
        anomalies.anomaly_types is not null as is_anomaly
    from int_brick_production_periods as periods
    left join device_registry
        on periods.device_id = upper(trim(device_registry.device_id))
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
                and flags.production_date = periods.production_date
                and flags.at >= periods.start_time
                and flags.at < periods.end_time
            order by detector asc, strength desc, flags.at asc
        ) as strongest
    ) as anomalies on true

)

select * from final
