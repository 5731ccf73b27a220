-- One row per device whose seconds are not the same, to the millisecond, between its
-- levels and in its steps, slices, episodes, hours, shifts and days.
{{ config(group='brick_production') }}

with int_brick_increments as (

    select device_id, sum(seconds_since_level) as seconds
    from {{ ref('int_brick_increments') }}
    where previous_level_at is not null
    group by device_id

),

found as (

    {%- for relation in ['int_brick_steps', 'int_brick_slices', 'int_brick_episodes'] %}
    select '{{ relation }}' as place, device_id, sum(seconds) as seconds
    from {{ ref(relation) }}
    group by device_id
    union all
    {%- endfor %}
    select
        grain,
        device_id,
        sum(
            {%- for state in brick_states() %}
            {{ '+ ' if not loop.first }}sliced_{{ state }}_seconds
            {%- endfor %}
        )
    from {{ ref('int_brick_production_periods') }}
    group by grain, device_id

),

places as (select distinct place from found)

select
    device_id,
    place,
    int_brick_increments.seconds as seconds_between_levels,
    found.seconds as seconds_found
from (int_brick_increments cross join places)
full join found using (device_id, place)
-- A device that only sends health messages has periods, and no second in them.
where coalesce(int_brick_increments.seconds, 0) <> coalesce(found.seconds, 0)
