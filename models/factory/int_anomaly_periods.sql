-- One row per device, grain (hour, shift, day) and period that an alarm lasts into:
-- which rules alarm, how badly, in words.
with alarms as (
    select * from {{ ref('anomaly_episodes') }}
    where suppressed_by is null and severity <> 'info'
),

production_periods as (select * from {{ ref('int_production_periods') }})

select
    sensor_type,
    device_id,
    periods.production_date,
    grain,
    start_time,
    count(*) filter (where severity = 'warning') as warning_count,
    count(*) filter (where severity = 'critical') as critical_count,
    max(anomaly_score) as anomaly_score,
    array_agg(distinct rule order by rule) as anomaly_types,
    string_agg(
        explanation, '; '
        order by peak_strength desc, started_at asc, rule asc, metric asc
    ) as anomaly_reason
from alarms
cross join lateral generate_series(
    alarms.production_date::timestamp, {{ production_date('seen_until') }}, '1 day'
) as touched
inner join production_periods as periods
    on touched::date = periods.production_date
    and started_at < end_time
    and seen_until >= start_time
group by sensor_type, device_id, periods.production_date, grain, start_time
