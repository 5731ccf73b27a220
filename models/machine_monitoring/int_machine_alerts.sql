-- One row per device, production day, metric, severity and alert, and one without a
-- time for the readings outside of alerts.
with device_days as (select * from {{ days() }} as days),

int_machine_limits as (select * from {{ ref('int_machine_limits') }})

select
    device_days.sensor_type,
    device_days.device_id,
    device_days.production_date,
    alerts.*
from device_days
cross join lateral (
    with limits as (
        select metric, severity, high, clears from int_machine_limits
        where {{ is_same_device('int_machine_limits', 'device_days') }}
    ),

    readings as (
        select
            readings.*,
            limits.severity, limits.high, limits.clears,
            coalesce(
                lag(value) over series > high
                and lag(holds_until) over series = event_at,
                false
            ) as was_above
        from {{ reads('int_machine_readings') }} as readings
        left join limits using (metric)
        window series as (partition by metric, severity order by event_at)
    ),

    -- Two in a row above the limit raise an alert, one below what clears it ends it,
    -- and what lies between leaves everything as it was.
    signals as (
        select
            *,
            case
                when value > high and was_above then true
                when value < clears then false
            end as is_raised
        from readings
    ),

    numbered as (
        select *, count(is_raised) over series as signal_number
        from signals
        window series as (partition by metric, severity order by event_at)
    ),

    lasting as (
        select
            *,
            coalesce(bool_or(is_raised) over (
                partition by metric, severity, signal_number
            ), false) as is_alert
        from numbered
    ),

    with_neighbours as (
        select
            *,
            lag(is_alert, 1, false) over series as was_alert,
            lead(event_at) over series as followed_at
        from lasting
        window series as (partition by metric, severity order by event_at)
    ),

    changes as (
        select
            *,
            count(*) filter (where is_alert <> was_alert) over series as alert_number
        from with_neighbours
        window series as (partition by metric, severity order by event_at)
    )

    select
        metric,
        severity,
        max(high) as limit_value,
        max(value) as peak_value,
        count(*) as reading_count,
        is_alert,
        coalesce(bool_or(was_alert and is_alert and event_at = first_own_at), false)
            as is_continued,
        case when is_alert then min(event_at) end as starts_at,
        case when is_alert and bool_and(followed_at is not null)
            then max(followed_at) end as ends_at
    from (
        select
            *,
            min(event_at) over (partition by metric, severity) as first_own_at
        from changes
        where production_date = device_days.production_date
    ) as own
    group by metric, severity, is_alert, case when is_alert then alert_number end
) as alerts
