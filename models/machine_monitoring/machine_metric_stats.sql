-- One row per device, metric and shift: what was measured, how it moved, how long it
-- was too high.
-- depends_on: {{ ref('int_machine_metric_periods') }}
-- depends_on: {{ ref('int_machine_ranges') }}
-- depends_on: {{ ref('int_machine_alerts') }}
-- depends_on: {{ ref('machine_limits') }}
-- depends_on: {{ ref('machine_metrics') }}
with device_days as materialized (

    select
        sensor_type, device_id, production_date,
        {{ fingerprint() }} as day_fingerprint
    from (select * from {{ ref('device_day_inputs') }}) as days
    where sensor_type in {{ sensor_types('stg_machine_messages') }}
        and {{ is_unbuilt() }}

),

int_machine_metric_judged as (select * from {{ ref('int_machine_metric_judged') }}),

final as (

    select
        device_days.day_fingerprint as fingerprint, judged.device_id,
        judged.sensor_type, production_line, location, machine_type, metric, unit,
        shift_name, shift_number, period_status, metric_trend, avg_value,
        min_value, max_value, value_std, value_p95, slope_per_hour,
        trend_p_value, value_seconds, observed_seconds, running_seconds,
        warning_limit, critical_limit, above_warning_seconds,
        above_critical_seconds, alert_count, critical_alert_count, sample_count,
        judged.production_date, start_time, end_time
    from device_days
    cross join lateral (
        select * from int_machine_metric_judged as judged
        where {{ is_same_device_day('judged', 'device_days') }}
            and grain = 'shift'
        offset 0
    ) as judged

)

select * from final
