-- One row per grain, device and period: the machine's time, padded to the period's end
-- or to the plant's present, and its alerts and failures.
with device_days as (
    select * from {{ days(['calendar_until', 'present_of_the_day']) }} as days
),

timed as (
    select
        periods.*,
        {{ period_status('end_time', 'device_days.present_of_the_day') }}
            as period_status,
        running_seconds + stopped_seconds as observed_seconds,
        greatest(
            {{ seconds_between(
                'start_time', 'least(end_time, device_days.calendar_until)'
            ) }},
            running_seconds + stopped_seconds
        ) as calendar_seconds
    from device_days
    cross join lateral {{ reads('int_machine_periods') }} as periods
    where start_time < device_days.calendar_until
        or exists (
            select from {{ reads('int_message_periods') }} as messages
            where messages.grain = periods.grain
                and messages.start_time = periods.start_time
        )
)

select
    sensor_type, device_id, grain, shift_name, shift_number, period_status,
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
from device_days
inner join timed using (sensor_type, device_id, production_date)
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
    from {{ reads('int_machine_alerts') }} as alerts
) as alerts
