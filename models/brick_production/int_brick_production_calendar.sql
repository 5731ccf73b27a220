-- One row per grain, device and period: its facts, padded to the period's end or to the
-- plant's present with the time in which nobody was watching.
with device_days as (
    select * from {{ days([
        'production_line', 'stage', 'registered_ideal_rate_per_hour',
        'target_rate_per_hour', 'error_counter_means', 'planned_stops',
        'calendar_until', 'present_of_the_day',
    ]) }} as days
),

periods as (
    select
        periods.*,
        device_days.production_line,
        device_days.stage,
        device_days.registered_ideal_rate_per_hour as ideal_rate_per_hour,
        device_days.target_rate_per_hour,
        device_days.error_counter_means = 'scrap' as counts_scrap,
        device_days.planned_stops,
        {{ period_status('periods.end_time', 'device_days.present_of_the_day') }}
            as period_status,
        greatest(
            periods.start_time, periods.sliced_until,
            least(periods.end_time, device_days.calendar_until)
        ) as padded_until
    from device_days
    cross join lateral {{ reads('int_brick_production_periods') }} as periods
)

select
    periods.*,
    {{ seconds_between('start_time', 'padded_until') }} as calendar_seconds,
    sliced_planned_stop_seconds + coalesce(padding.planned_seconds, 0)
        as planned_stop_seconds,
    sliced_running_seconds + sliced_slow_seconds as running_seconds,
    sliced_slow_seconds as slow_seconds,
    sliced_micro_stop_seconds as micro_stop_seconds,
    sliced_downtime_seconds as downtime_seconds,
    sliced_unobserved_seconds + coalesce(padding.seconds, 0)
    - coalesce(padding.planned_seconds, 0) as unobserved_seconds,
    sliced_running_seconds + sliced_slow_seconds + sliced_micro_stop_seconds
    + sliced_downtime_seconds as observed_busy_seconds
from periods
-- Before the device's first reading and after its last there are no slices.
cross join lateral (
    select
        sum({{ seconds_between('lower(silent)', 'upper(silent)') }}) as seconds,
        sum({{ seconds_of('periods.planned_stops * tstzmultirange(silent)') }})
            as planned_seconds
    from unnest(
        tstzmultirange(tstzrange(start_time, padded_until))
        - case
            when sliced_from is null then '{}'
            else tstzmultirange(tstzrange(sliced_from, sliced_until))
        end
    ) as silent
) as padding
where start_time < padded_until
    or reading_count + health_count + rejected_count + duplicate_count > 0
