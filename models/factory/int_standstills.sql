-- One row per device and standstill, or silence, whole: from its beginning to its end,
-- across hours, shifts and days.
with int_brick_episodes as (
    select * from {{ ref('int_brick_episodes') }}
    where state not in ('running', 'slow')
),

devices as (
    select * from {{ ref('devices') }}
    where sensor_type in {{ sensor_types('stg_brick_counts') }}
),

stages as (select * from {{ ref('stages') }}),

plant as (select {{ as_of() }} as as_of),

-- A device's series ends at its last level; who has been silent for longer than a gap
-- by now is silent, and a stop before that was seen no further.
ends as (
    select
        devices.*, stages.stage_index,
        coalesce(stages.minutes_since_press, 0) as minutes_since_press,
        newest.last_measurement_id,
        newest.ends_at as watched_until,
        plant.as_of,
        {{ seconds_between('newest.ends_at', 'plant.as_of') }}
            > {{ gap_seconds('devices.expected_interval_seconds') }} as is_silent
    from devices
    cross join plant
    left join stages on devices.stage = stages.stage
    inner join lateral (
        select episodes.last_measurement_id, episodes.ends_at
        from (select * from {{ ref('int_brick_episodes') }}) as episodes
        where episodes.device_id = devices.device_id
        order by episodes.production_date desc, episodes.ends_at desc
        limit 1
    ) as newest on true
),

episodes as (
    select
        device_id, first_measurement_id, last_measurement_id, state, starts_at, ends_at
    from int_brick_episodes
    union all
    select
        device_id, last_measurement_id as first_measurement_id, last_measurement_id,
        'unobserved' as state, watched_until as starts_at, as_of as ends_at
    from ends
    where is_silent
),

with_start as (
    select
        *,
        coalesce(
            lag(state) over series = state and lag(ends_at) over series = starts_at,
            false
        ) as goes_on
    from episodes
    window series as (partition by device_id order by starts_at)
),

numbered as (
    select
        *,
        count(*) filter (where not goes_on)
            over (partition by device_id order by starts_at) as standstill
    from with_start
),

whole as (
    select
        device_id,
        min(first_measurement_id) filter (where not goes_on) as first_measurement_id,
        (array_agg(last_measurement_id order by starts_at desc))[1]
            as last_measurement_id,
        state,
        min(starts_at) as starts_at,
        max(ends_at) as ends_at
    from numbered
    group by device_id, state, standstill
)

select
    whole.device_id, ends.production_line, ends.stage, ends.stage_index,
    ends.minutes_since_press, whole.first_measurement_id,
    whole.last_measurement_id, whole.state,
    {{ seconds_between('whole.starts_at', 'whole.ends_at') }} as seconds,
    whole.ends_at >= ends.watched_until
    and (whole.state = 'unobserved') = ends.is_silent as is_open,
    -- Who falls silent in a stop is not seen to end it.
    coalesce(
        lead(whole.state) over series = 'unobserved'
        and lead(whole.starts_at) over series = whole.ends_at, false
    ) as ends_in_silence,
    whole.starts_at,
    whole.ends_at
from whole
inner join ends on whole.device_id = ends.device_id
window series as (partition by whole.device_id order by whole.starts_at)
