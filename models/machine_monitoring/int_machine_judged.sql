-- One row per grain, device and period: the machine's time and health, its metrics,
-- its messages and its anomalies.
with device_days as (
    select * from {{ days(['production_line', 'location', 'machine_type']) }} as days
),

int_machine_health as (select * from {{ ref('int_machine_health') }}),

int_anomaly_periods as (select * from {{ ref('int_anomaly_periods') }})

select
    periods.*,
    device_days.production_line,
    device_days.location,
    device_days.machine_type,
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
        'code_version', device_days.code_version,
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
    anomalies.anomaly_types,
    anomalies.anomaly_reason,
    anomalies.anomaly_score,
    anomalies.device_id is not null as is_anomaly
from device_days
cross join lateral (
    select * from int_machine_health
    where {{ same_device_day('int_machine_health', 'device_days') }}
    offset 0
) as periods
left join lateral {{ reads('int_message_periods') }} as messages
    on {{ is_same_period('periods', 'messages') }}
left join lateral {{ reads('int_data_quality') }} as quality
    on {{ is_same_period('periods', 'quality') }}
cross join lateral (
    select
        {%- for metric in ['temperature', 'vibration', 'pressure', 'rpm'] %}
        max(coalesce(
            value_seconds / nullif(measured.observed_seconds, 0), sample_mean
        )) filter (where metric = '{{ metric }}') as avg_{{ metric }},
        max(max_value) filter (where metric = '{{ metric }}') as max_{{ metric }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from {{ reads('int_machine_metric_periods') }} as measured
    where {{ is_same_period('measured', 'periods') }}
) as metrics
-- What takes points from the machine's health, in words with numbers, the most first.
cross join lateral (
    select
        string_agg(
            words || format(' (-%s)', round(points, 1)), '; '
            order by points desc, words asc
        ) as maintenance_reason
    from (
        values
        {%- for metric in ['temperature', 'vibration'] %}
        ({{ metric }}_penalty, format(
            '{{ metric }} above its limit for %s %% of the running time',
            round({{ metric }}_above_ratio * 100, 1)
        )),
        {%- endfor %}
        (trend_penalty, format(
            'vibration rises by %s mm/s a day and reaches %s in %s days',
            round(vibration_slope_per_day::numeric, 2), critical_vibration,
            round(days_to_critical::numeric, 1)
        )),
        (downtime_penalty, format(
            'stopped for %s min nobody planned',
            round((stopped_seconds - planned_stop_seconds) / 60)
        )),
        (anomaly_penalty, format(
            'anomalies to be warned of: %s', warning_count + critical_count
        ))
    ) as penalties (points, words)
    where round(points, 1) > 0
) as reasons
left join int_anomaly_periods as anomalies
    on device_days.sensor_type = anomalies.sensor_type
    and {{ is_same_period('periods', 'anomalies') }}
