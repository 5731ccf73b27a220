-- One row per device and minute step of its counter: from one level to the last of a
-- later minute.
with device_days as (
    select * from {{ days(['ideal_rate_per_hour', 'registered_ideal_rate_per_hour',
        'error_counter_means', 'planned_stops', 'brick_type', 'assigned_brick_types',
        'assigned_from', 'assigned_until']) }} as days
),

-- A gap is a step of its own: what follows in its minute was observed.
steps as (
    select
        device_days.device_id,
        device_days.production_date,
        device_days.ideal_rate_per_hour,
        device_days.registered_ideal_rate_per_hour,
        device_days.error_counter_means = 'scrap' as counts_scrap,
        minutes.*,
        {{ seconds_of(
            'device_days.planned_stops'
            ~ ' * tstzmultirange(tstzrange(minutes.starts_at, minutes.ends_at))'
        ) }} as planned_seconds,
        coalesce({{ assigned_brick_type('minutes.ends_at') }}, device_days.brick_type)
            as brick_type
    from device_days
    cross join lateral (
        select
            (array_agg(previous_measurement_id order by event_at))[1]
                as first_measurement_id,
            (array_agg(measurement_id order by event_at desc))[1]
                as last_measurement_id,
            sum(count_increment)::bigint as count_increment,
            sum(error_increment)::bigint as error_increment,
            sum(seconds_since_level) as seconds,
            is_gap,
            bool_or(
                counter_event in ('reset', 'rollback', 'unexplained_reset', 'jump')
            ) as hides_pieces,
            min(previous_level_at) as starts_at,
            max(event_at) as ends_at
        from {{ reads('int_brick_increments') }} as int_brick_increments
        where previous_level_at is not null
        group by date_trunc('minute', event_at), is_gap
        offset 0
    ) as minutes
)

select
    device_id,
    first_measurement_id,
    last_measurement_id,
    -- Where the counter leapt or fell, no piece does not mean that none came: that is
    -- not known, and no stop.
    case
        when is_gap or (count_increment = 0 and hides_pieces) then 'unobserved'
        when count_increment = 0 then 'stopped'
        when count_increment * 3600
            < {{ var('slow_share') }} * ideal_rate_per_hour * seconds then 'slow'
        else 'running'
    end as state,
    count_increment,
    error_increment,
    case when not (is_gap or hides_pieces) then count_increment end as known_pieces,
    case
        when counts_scrap and not (is_gap or hides_pieces) then error_increment
    end as known_scrap,
    brick_type,
    seconds,
    planned_seconds,
    ideal_rate_per_hour,
    registered_ideal_rate_per_hour,
    is_gap,
    production_date,
    starts_at,
    ends_at
from steps
