-- One row per device whose seconds are not the same, to the millisecond, from the steps
-- between its levels to its hours, shifts and days.
{{ config(group='brick_production') }}

with int_brick_increments as (

    select
        device_id,
        coalesce(sum(seconds_since_level) filter (where not is_gap), 0) as observed,
        coalesce(sum(seconds_since_level) filter (where is_gap), 0) as unobserved
    from {{ ref('int_brick_increments') }}
    where is_level
    group by device_id

),

periods as (

    {%- for mart in [
        'brick_production_stats_hourly', 'brick_production_stats',
        'brick_production_stats_daily',
    ] %}
    {{ 'union all' if not loop.first }}
    select
        '{{ mart }}' as mart,
        device_id,
        sum(observed_seconds) as observed,
        sum(unobserved_seconds) as unobserved
    from {{ ref(mart) }}
    group by device_id
    {%- endfor %}

),

marts as (select distinct mart from periods)

select
    device_id,
    mart,
    int_brick_increments.observed as observed_between_levels,
    periods.observed as observed_in_mart,
    int_brick_increments.unobserved as unobserved_between_levels,
    periods.unobserved as unobserved_in_mart
from (int_brick_increments cross join marts)
full join periods using (device_id, mart)
-- A device that only sends health messages has periods, and no second in them.
where (int_brick_increments.observed, int_brick_increments.unobserved)
    is distinct from (periods.observed, periods.unobserved)
    and not (
        int_brick_increments.observed is null
        and periods.observed + periods.unobserved = 0
    )
