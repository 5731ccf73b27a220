-- One row per episode of an anomaly: what is known of its time, on the calendar, of the
-- machine and its neighbours, of the line's counters, of the quality of its messages.
with int_anomaly_episodes as (
    select
        episodes.*,
        devices.production_line,
        {{ production_date('starts_at') }} as production_date,
        {{ seconds_between('starts_at', 'flagged_until') }} as seconds
    from (select * from {{ ref('int_anomaly_episodes') }}) as episodes
    inner join (select * from {{ ref('devices') }}) as devices
        using (sensor_type, device_id)
),

device_days as not materialized (select * from {{ ref('device_days') }}),

int_data_quality as not materialized (
    select * from {{ ref('int_data_quality') }} where grain = 'hour'
),

downtime_events as (
    select * from {{ ref('downtime_events') }} where kind <> 'micro_stop'
),

counter_resets as (select * from {{ ref('counter_resets') }} where is_line_wide_reset),

int_neighbour_flows as (select * from {{ ref('int_neighbour_flows') }})

select
    sensor_type,
    device_id,
    metric,
    rule,
    starts_at,
    coalesce(
        planned.stops @> starts_at or planned.seconds > episodes.seconds / 2, false
    ) as is_planned,
    standstill.kind as standstill_kind,
    (
        select count(*) > 0 from counter_resets
        where counter_resets.production_line = episodes.production_line
            and event_at between starts_at - gap and flagged_until + gap
    ) as is_near_reset,
    case
        when flows.flow_before <= {{ var('neighbour_flow')['low'] }}
            then 'starved'
        when flows.flow_after <= {{ var('neighbour_flow')['low'] }}
            then 'blocked'
    end as waits_for,
    quality.data_quality_score
from int_anomaly_episodes as episodes
left join lateral (
    select
        planned_stops as stops,
        {{ seconds_of(
            'planned_stops * tstzmultirange(tstzrange(starts_at, flagged_until))'
        ) }} as seconds
    from device_days
    where {{ same_device_day('device_days', 'episodes') }}
) as planned on true
-- The standstill that it shares most time with is the one it tells of.
left join lateral (
    select kind from downtime_events
    where downtime_events.device_id = episodes.device_id
        and started_at <= flagged_until
        and seen_until >= starts_at - gap
    order by least(seen_until, flagged_until) - greatest(started_at, starts_at) desc,
        started_at asc
    limit 1
) as standstill on true
left join lateral (
    select data_quality_score from int_data_quality
    where {{ same_device_day('int_data_quality', 'episodes') }}
        and start_time = {{ hour_start('starts_at') }}
) as quality on true
left join int_neighbour_flows as flows using (device_id, metric, rule, starts_at)
