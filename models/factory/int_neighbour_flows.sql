-- One row per episode of a rule about speed: how much flowed at the nearest stages
-- before and after the machine as it slowed, as a share of what usually does.
{%- set beside = var('neighbour_flow') %}
{%- set minutes = var('bucket_minutes') %}
{%- set length = "interval " ~ literal(minutes ~ ' minutes') %}
with anomaly_rules as (
    select * from {{ ref('anomaly_rules') }} where about = 'speed'
),

int_anomaly_episodes as (select * from {{ ref('int_anomaly_episodes') }}),

int_line_neighbours as (
    select * from {{ ref('int_line_neighbours') }} where is_nearest
),

-- What a device makes in a bucket of the day, running at its median rate.
usual as (
    select device_id, production_date, speed_p50 * {{ minutes }} / 60 as usual_pieces
    from (select * from {{ ref('int_brick_speeds') }}) as speeds
    where grain = 'day'
),

buckets as not materialized (
    select * from {{ ref('int_brick_five_minutes') }}
),

episodes as (
    select
        device_id, metric, rule, starts_at,
        {{ bucket_start('starts_at') }} as onset_bucket
    from int_anomaly_episodes
    inner join anomaly_rules using (rule)
),

-- It is slow since the last bucket in which it was not.
slow_since as (
    select
        episodes.device_id, metric, rule, episodes.starts_at,
        coalesce(
            max(buckets.starts_at) filter (
                where pieces >= {{ beside['usual'] }} * usual_pieces
            ) + {{ length }},
            onset_bucket - interval '{{ beside["look_back"] }} minutes'
        ) as slow_since
    from episodes
    left join buckets
        on episodes.device_id = buckets.device_id
        and buckets.starts_at < onset_bucket
        and buckets.starts_at
        >= onset_bucket - interval '{{ beside["look_back"] }} minutes'
    left join usual
        on buckets.device_id = usual.device_id
        and buckets.production_date = usual.production_date
    group by
        episodes.device_id, metric, rule, episodes.starts_at, onset_bucket
),

-- What slows a machine from before it takes its time to arrive; what stops it from
-- behind is there at once, and what it causes there comes later.
around as (
    select
        slow_since.*, sibling_id, is_after, minute,
        {{ bucket_start("slow_since - interval '1 minute' * minutes_before") }}
            + interval '1 minute' * minute as bucket_start
    from slow_since
    inner join (
        select *, stages_further > 0 as is_after from int_line_neighbours
    ) as pairs using (device_id)
    cross join lateral generate_series(
        -{{ beside['around'] }},
        case when is_after then {{ beside['behind'] }}
            else {{ beside['around'] }} end - {{ minutes }},
        {{ minutes }}
    ) as minute
),

flows as (
    select
        around.device_id, metric, rule, around.starts_at, is_after,
        (sum(coalesce(pieces, 0)) + lag(sum(coalesce(pieces, 0))) over in_order)
        / nullif(sum(usual_pieces) + lag(sum(usual_pieces)) over in_order, 0) as flow
    from around
    left join usual
        on around.sibling_id = usual.device_id
        and {{ production_date('bucket_start') }} = usual.production_date
    left join buckets
        on around.sibling_id = buckets.device_id and bucket_start = buckets.starts_at
    group by
        around.device_id, metric, rule, around.starts_at, is_after, minute
    window in_order as (
        partition by around.device_id, metric, rule, around.starts_at, is_after
        order by minute
    )
)

select
    device_id, metric, rule, starts_at,
    min(flow) filter (where not is_after) as flow_before,
    min(flow) filter (where is_after) as flow_after
from flows
group by device_id, metric, rule, starts_at
