-- One row per grain, device and period: its facts, padded to the period's end or to the
-- plant's present with the time in which nobody was watching.
with int_brick_production_periods as (

    select * from {{ ref('int_brick_production_periods') }}

),

int_line_calendar as (

    select * from {{ ref('int_line_calendar') }} where planned_stop is not null

),

device_registry as (

    select * from {{ ref('device_registry') }}
    where lower(trim(sensor_type)) in {{ sensor_types('stg_brick_counts') }}

),

plant as (select {{ as_of() }} as as_of),

periods as (

    select
        periods.*,
        device_registry.production_line,
        device_registry.stage,
        device_registry.ideal_rate_per_hour,
        device_registry.target_rate_per_hour,
        coalesce(device_registry.error_counter_means, 'scrap') = 'scrap'
            as counts_scrap,
        {{ period_status('periods.end_time', 'plant.as_of') }} as period_status,
        greatest(
            start_time, sliced_until, least(periods.end_time, plant.as_of)
        ) as calendar_until
    from int_brick_production_periods as periods
    left join device_registry
        on periods.device_id = upper(trim(device_registry.device_id))
    cross join plant

),

final as (

    select
        periods.*,
        {{ seconds_between('start_time', 'calendar_until') }} as calendar_seconds,
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
            sum(planned.seconds) as planned_seconds
        from unnest(
            tstzmultirange(tstzrange(start_time, calendar_until))
            - case
                when sliced_from is null then '{}'
                else tstzmultirange(tstzrange(sliced_from, sliced_until))
            end
        ) as silent
        cross join lateral (
            select sum({{ seconds_between('lower(stop)', 'upper(stop)') }}) as seconds
            from (
                select unnest(
                    range_agg(tstzrange(starts_at, ends_at))
                    * tstzmultirange(silent)
                ) as stop
                from int_line_calendar
                where {{ is_of_the_line('int_line_calendar', 'periods') }}
                    and starts_at < upper(silent)
                    and ends_at > lower(silent)
            ) as stops
        ) as planned
    ) as padding
    where start_time < calendar_until
        or reading_count + health_count + rejected_count + duplicate_count > 0

)

select * from final
