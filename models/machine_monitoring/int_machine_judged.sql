-- One row per grain, device and period: the machine's time and health, its metrics,
-- its messages and its anomalies.
{%- set is_of_the_domain -%}
    sensor_type in {{ sensor_types('stg_machine_messages') }}
{%- endset %}
with int_machine_health as (select * from {{ ref('int_machine_health') }}),

int_machine_metric_periods as (select * from {{ ref('int_machine_metric_periods') }}),

int_message_periods as (

    select * from {{ ref('int_message_periods') }} where {{ is_of_the_domain }}

),

int_data_quality as (

    select * from {{ ref('int_data_quality') }} where {{ is_of_the_domain }}

),

machine_monitoring_anomalies as (

    select * from {{ ref('machine_monitoring_anomalies') }} where is_flagged

),

devices as (

    select
        upper(trim(device_id)) as device_id,
        lower(trim(sensor_type)) as sensor_type,
        production_line, location, machine_type
    from {{ ref('device_registry') }}

)

select
    periods.*,
    devices.production_line,
    devices.location,
    devices.machine_type,
    metrics.*,
    case
        when health_score >= healthy then 'healthy'
        when health_score >= degraded then 'degraded'
        when health_score < degraded then 'critical'
    end as status,
    case when health_score is not null then
        health_score < healthy or coalesce(trend_penalty = trend_soon_points, false)
    end as maintenance_needed,
    case when health_score is not null then reasons.maintenance_reason end
        as maintenance_reason,
    {%- for column in ['reading', 'health', 'rejected', 'duplicate', 'late'] %}
    coalesce(messages.{{ column }}_count, 0) as {{ column }}_count,
    {%- endfor %}
    messages.first_measurement_id,
    messages.last_measurement_id,
    messages.first_ingested_at as created_at,
    messages.last_ingested_at as updated_at,
    jsonb_build_object(
        'code_version', left(periods.fingerprint::text, 8),
        'measurement_count', coalesce(reading_count + messages.health_count
        + messages.rejected_count + messages.duplicate_count, 0),
        'data_points', coalesce(reading_count, 0)
    ) as metadata,
    -- Silence where messages were due is the worst quality there is.
    case
        when quality.device_id is not null then quality.data_quality_score else 0
    end as data_quality_score,
    case
        when quality.device_id is not null then quality.data_quality_reasons
        else 'no message'
    end as data_quality_reasons,
    anomalies.*,
    anomalies.anomaly_types is not null as is_anomaly
from int_machine_health as periods
left join devices using (sensor_type, device_id)
left join int_message_periods as messages
    on {{ is_same_period('periods', 'messages') }}
    and periods.sensor_type = messages.sensor_type
left join int_data_quality as quality
    on {{ is_same_period('periods', 'quality') }}
    and periods.sensor_type = quality.sensor_type
cross join lateral (
    select
        {%- for metric in ['temperature', 'vibration', 'pressure', 'rpm'] %}
        max(coalesce(
            value_seconds / nullif(measured.observed_seconds, 0), sample_mean
        )) filter (where metric = '{{ metric }}') as avg_{{ metric }},
        max(max_value) filter (where metric = '{{ metric }}') as max_{{ metric }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from int_machine_metric_periods as measured
    where {{ is_same_period('measured', 'periods') }}
        and measured.sensor_type = periods.sensor_type
) as metrics
cross join lateral {{ maintenance_reason() }} as reasons
cross join lateral {{ anomalies_of_the_period(
    'machine_monitoring_anomalies', 'periods', "flags.sensor_type = periods.sensor_type"
) }} as anomalies
