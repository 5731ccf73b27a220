-- One row per grain, device and period: its facts with all judgments on them.
with device_days as (select * from {{ days() }} as days),

int_brick_production_oee as (select * from {{ ref('int_brick_production_oee') }}),

int_anomaly_periods as (select * from {{ ref('int_anomaly_periods') }}),

-- At hand for every period of the day, not aggregated for each.
limits as materialized (
    select
        device_id,
        max(high) filter (where metric = 'error_rate') as error_rate,
        max(low) filter (where metric = 'avg_speed') as avg_speed,
        max(high) filter (where metric = 'downtime') as downtime_seconds
    from {{ ref('device_thresholds') }}
    where sensor_type in {{ sensor_types('stg_brick_counts') }}
    group by device_id
),

final as (
    select
        periods.*,
        {{ device_position('periods.device_id') }} as position,
        speeds.peak_speed,
        {%- for column in ['speed_p25', 'speed_p50', 'speed_p75', 'speed_p95',
            'rate_mean', 'rate_std', 'stop_resolution_seconds', 'speed_slope_per_hour',
            'trend_p_value'] %}
        speeds.{{ column }},
        {%- endfor %}
        coalesce(speeds.speed_trend, 'unknown') as speed_trend,
        coalesce(messages.late_count, 0) as late_count,
        -- Silence where messages were due is the worst quality there is.
        case
            when quality.device_id is not null then scores.data_quality_score
            when calendar_seconds > planned_stop_seconds then 0
        end as data_quality_score,
        case
            when quality.device_id is not null then scores.data_quality_reasons
            when calendar_seconds > planned_stop_seconds then 'no message'
        end as data_quality_reasons,
        periods.first_ingested_at as created_at,
        periods.last_ingested_at as updated_at,
        jsonb_build_object(
            'code_version', device_days.code_version,
            'measurement_count', periods.message_count,
            'data_points', periods.reading_count
        ) as metadata,
        array_remove(array[
            case when counts_scrap and periods.error_rate > limits.error_rate
                then format(
                'error rate %s %% above %s %%',
                round(periods.error_rate * 100, 1), round(limits.error_rate * 100, 1)
            ) end
        ], null) as issues,
        array_remove(array[
            case when periods.avg_speed < limits.avg_speed then format(
                '%s pieces/h below %s',
                trim_scale(periods.avg_speed), trim_scale(limits.avg_speed)
            ) end,
            case when periods.downtime_seconds > limits.downtime_seconds then format(
                '%s min of downtime above %s min',
                round(periods.downtime_seconds / 60),
                round(limits.downtime_seconds / 60)
            ) end
        ], null) as warnings,
        anomalies.anomaly_types, anomalies.anomaly_reason, anomalies.anomaly_score,
        anomalies.device_id is not null as is_anomaly
    from device_days
    cross join lateral (
        select * from int_brick_production_oee as oee
        where {{ same_device_day('oee', 'device_days', has_types=false) }}
        offset 0
    ) as periods
    {%- for relation, alias in [
        ('int_brick_speeds', 'speeds'), ('int_message_periods', 'messages'),
        ('int_data_quality', 'quality'),
    ] %}
    left join lateral {{ reads(relation) }} as {{ alias }}
        on {{ is_same_period('periods', alias) }}
    {%- endfor %}
    left join limits on periods.device_id = limits.device_id
    cross join lateral {{ data_quality(var('data_quality_weights')) }} as scores
    left join int_anomaly_periods as anomalies
        on device_days.sensor_type = anomalies.sensor_type
        and {{ is_same_period('periods', 'anomalies') }}
)

select
    *,
    case when observed_busy_seconds > 0 then cardinality(issues) = 0 end as is_healthy
from final
