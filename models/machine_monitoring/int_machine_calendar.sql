-- One row per grain, device and period: the machine's time, padded to the period's end
-- or to the plant's present, and its alerts and failures.
with int_machine_periods as (select * from {{ ref('int_machine_periods') }}),

int_machine_alerts as (select * from {{ ref('int_machine_alerts') }}),

int_message_periods as (select * from {{ ref('int_message_periods') }}),

plant as (select {{ as_of() }} as as_of),

timed as (

    select
        periods.*,
        {{ period_status('end_time', 'as_of') }} as period_status,
        running_seconds + stopped_seconds as observed_seconds,
        greatest(
            {{ seconds_between('start_time', 'least(end_time, as_of)') }},
            running_seconds + stopped_seconds
        ) as calendar_seconds
    from int_machine_periods as periods
    cross join plant
    where start_time < as_of
        or exists (
            select from int_message_periods as messages
            where {{ is_same_device_day('messages', 'periods') }}
                and messages.grain = periods.grain
                and messages.start_time = periods.start_time
        )

)

select
    sensor_type, device_id, grain, shift_name, shift_number, period_status,
    timed.fingerprint,
    calendar_seconds, observed_seconds, running_seconds, stopped_seconds,
    planned_stop_seconds,
    calendar_seconds - observed_seconds as unobserved_seconds,
    100 * running_seconds / nullif(observed_seconds, 0) as uptime_percentage,
    alerts.alert_count, alerts.critical_alert_count, failure_count,
    running_seconds / nullif(failure_count, 0) as mtbf_seconds,
    repair_count, repair_seconds,
    repair_seconds / nullif(repair_count, 0) as mttr_seconds,
    alerts.critical_vibration,
    production_date, start_time, end_time
from timed
cross join lateral (
    select
        {%- for severity, name in [
            ('warning', 'alert_count'), ('critical', 'critical_alert_count')
        ] %}
        count(*) filter (
            where severity = '{{ severity }}' and not is_continued
                and alerts.starts_at >= start_time and alerts.starts_at < end_time
        ) as {{ name }},
        {%- endfor %}
        max(limit_value) filter (
            where metric = 'vibration' and severity = 'critical'
        ) as critical_vibration
    from int_machine_alerts as alerts
    where {{ is_same_device_day('alerts', 'timed') }}
) as alerts
