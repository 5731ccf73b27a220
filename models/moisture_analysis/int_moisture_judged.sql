-- One row per grain, device and period: the period's facts with the judgments on them.
with device_days as (
    select * from {{ days([
        'production_line', 'location', 'present_of_the_day',
    ]) }} as days
),

int_anomaly_periods as (select * from {{ ref('int_anomaly_periods') }}),

limits as (
    select
        device_id,
        max(high) filter (where metric = 'moisture_alert_share') as alert_share,
        max(high) filter (where metric = 'moisture_far_outside') as far_outside,
        max(low) filter (where metric = 'capability_samples') as capability_samples
    from {{ ref('device_thresholds') }}
    where sensor_type in {{ sensor_types('stg_moisture_readings') }}
    group by device_id
),

with_averages as (
    select
        periods.*,
        band_low, band_high, in_range_seconds, out_of_range_seconds,
        far_outside_seconds, excursion_seconds,
        coalesce(excursion_count, 0) as excursion_count,
        coalesce(
            moisture_seconds / nullif(moisture_observed_seconds, 0), sample_mean
        ) as avg_moisture,
        in_range_seconds / nullif(observed_seconds, 0) as time_in_range_ratio,
        out_of_range_seconds / nullif(observed_seconds, 0) as outside_ratio,
        far_outside_seconds / nullif(observed_seconds, 0) as far_outside_ratio
    from device_days
    cross join lateral {{ reads('int_moisture_periods') }} as periods
    left join lateral {{ reads('int_moisture_ranges') }} as ranges
        on {{ is_same_period('periods', 'ranges') }}
)

select
    periods.*,
    {{ period_status('periods.end_time', 'device_days.present_of_the_day') }}
        as period_status,
    device_days.production_line,
    device_days.location,
    trend as moisture_trend,
    slope as moisture_slope_per_hour,
    p_value as trend_p_value,
    temperature_celsius_seconds / nullif(temperature_celsius_observed_seconds, 0)
        as avg_temperature_celsius,
    humidity_percent_seconds / nullif(humidity_percent_observed_seconds, 0)
        as avg_humidity_percent,
    case when sample_count > 1 then avg_moisture between band_low and band_high end
        as is_optimal,
    case
        when sample_count < 2 or outside_ratio is null then 'unknown'
        when abs(avg_moisture - (band_low + band_high) / 2)
            > (band_high - band_low) * (limits.far_outside + 0.5)
            or far_outside_ratio >= limits.alert_share
            then 'critical'
        when avg_moisture not between band_low and band_high
            or outside_ratio >= limits.alert_share
            then 'warning'
        else 'normal'
    end as alert_level,
    case when sample_count >= limits.capability_samples then
        (band_high - band_low) / 2 / (3 * nullif(moisture_std, 0))
    end as pp,
    case when sample_count >= limits.capability_samples then
        least(band_high - sample_mean, sample_mean - band_low)
        / (3 * nullif(moisture_std, 0))
    end as ppk,
    {%- for column in ['health', 'rejected', 'duplicate', 'late'] %}
    coalesce(messages.{{ column }}_count, 0) as {{ column }}_count,
    {%- endfor %}
    messages.first_measurement_id,
    messages.last_measurement_id,
    -- Silence where messages were due is the worst quality there is.
    case when quality.device_id is null then 0 else quality.data_quality_score end
        as data_quality_score,
    case when quality.device_id is null then 'no message'
        else quality.data_quality_reasons end as data_quality_reasons,
    anomalies.anomaly_types,
    anomalies.anomaly_reason,
    anomalies.anomaly_score,
    anomalies.device_id is not null as is_anomaly
from device_days
inner join with_averages as periods
    on {{ same_device_day('device_days', 'periods', has_types=false) }}
left join limits on periods.device_id = limits.device_id
left join lateral {{ reads('int_message_periods') }} as messages
    on {{ is_same_period('periods', 'messages') }}
left join lateral {{ reads('int_data_quality') }} as quality
    on {{ is_same_period('periods', 'quality') }}
left join int_anomaly_periods as anomalies
    on device_days.sensor_type = anomalies.sensor_type
    and {{ is_same_period('periods', 'anomalies') }}
