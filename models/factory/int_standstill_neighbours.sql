-- One row per device and downtime or silence: what the other counters of the line did
-- meanwhile.
with standstills as (
    select * from {{ ref('int_standstills') }} where state in ('downtime', 'unobserved')
),

others as not materialized (select * from {{ ref('int_standstills') }}),

pairs as materialized (select * from {{ ref('int_line_neighbours') }}),

limits as (
    select
        device_id,
        max(high) filter (where metric = 'stop_border') * interval '1 s' as stop_border,
        max(low) filter (where metric = 'moving_share') as moving_share
    from {{ ref('device_thresholds') }}
    where sensor_type in {{ sensor_types('stg_brick_counts') }}
    group by device_id
),

-- Of a stop the nearest stages tell, of a silence the whole line. A stop travels down
-- the line with the bricks, and up it at once.
felt as (
    select
        standstills.device_id, standstills.state as own_state, standstills.starts_at,
        standstills.seconds, pairs.sibling_id, pairs.stages_further,
        limits.stop_border, limits.moving_share,
        standstills.starts_at - delay as since,
        standstills.ends_at - delay as until
    from standstills
    inner join limits on standstills.device_id = limits.device_id
    inner join pairs
        on standstills.device_id = pairs.device_id
        and (pairs.is_nearest or standstills.state = 'unobserved')
        and standstills.starts_at >= pairs.watched_from
    cross join lateral (
        select interval '1 minute' * case
            when standstills.state = 'unobserved' then 0 else pairs.minutes_before
        end as delay
    ) as delays
),

beside as (
    select
        device_id, starts_at, own_state, stages_further,
        silent_seconds >= moving_share * felt.seconds as is_silent,
        felt.seconds - stood_seconds - silent_seconds
            >= moving_share * felt.seconds as keeps_moving,
        case
            when stood_first or silent_seconds = 0
                then stood_first and stood_seconds >= moving_share * felt.seconds
        end as stood_first,
        stood_seconds
    from felt
    cross join lateral (
        select
            coalesce(sum(part_seconds) filter (where state <> 'unobserved'), 0)
                as stood_seconds,
            coalesce(sum(part_seconds) filter (where state = 'unobserved'), 0)
                as silent_seconds,
            count(*) filter (
                where state <> 'unobserved' and starts_at <= since + stop_border
            ) > 0 as stood_first
        from (
            (
                select * from others
                where others.device_id = felt.sibling_id and starts_at < since
                order by starts_at desc limit 1
            )
            union all
            select * from others
            where others.device_id = felt.sibling_id
                and starts_at >= since and starts_at < until
        ) as spans
        cross join lateral (
            select {{ seconds_between(
                'greatest(starts_at, since)', 'least(ends_at, until)'
            ) }} as part_seconds
        ) as parts
        where part_seconds > 0
    ) as stood
)

select
    device_id,
    bool_and(stood_first) filter (where own_state = 'downtime' and stages_further < 0)
        as is_starved,
    bool_and(stood_first) filter (where own_state = 'downtime' and stages_further > 0)
        as is_blocked,
    max(stood_seconds) filter (where stages_further > 0)
    > max(stood_seconds) filter (where stages_further < 0) as after_it_stood_longer,
    count(*) as watched_sibling_count,
    count(*) filter (where is_silent) as silent_sibling_count,
    bool_or(keeps_moving) filter (where stages_further < 0) as before_it_moves,
    bool_or(keeps_moving) filter (where stages_further > 0) as after_it_moves,
    starts_at
from beside
group by device_id, starts_at
