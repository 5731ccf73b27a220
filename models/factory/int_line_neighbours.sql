-- One row per brick counter and other brick counter of its line that has ever been
-- read: on which side of it, and how far.
with devices as (
    select * from {{ ref('devices') }}
    where sensor_type in {{ sensor_types('stg_brick_counts') }}
),

stages as (select * from {{ ref('stages') }}),

counters as (
    select devices.*, stages.stage_index, stages.minutes_since_press
    from devices
    inner join stages on devices.stage = stages.stage
    where devices.first_reading_at is not null
),

pairs as (
    select
        counters.device_id,
        siblings.device_id as sibling_id,
        siblings.stage_index - counters.stage_index as stages_further,
        greatest(counters.minutes_since_press - siblings.minutes_since_press, 0)
            as minutes_before,
        siblings.first_reading_at as watched_from
    from counters
    inner join counters as siblings
        on counters.production_line = siblings.production_line
        and counters.device_id <> siblings.device_id
)

select
    device_id,
    sibling_id,
    stages_further,
    minutes_before,
    stages_further <> 0 and dense_rank() over (
        partition by device_id, sign(stages_further)
        order by abs(stages_further)
    ) = 1 as is_nearest,
    watched_from
from pairs
