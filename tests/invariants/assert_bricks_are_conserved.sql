-- One row per device and sum that is not the same from its readings to its days.
{{ config(group='brick_production') }}
{%- set sums = [
    'count_increment', 'measured_increment', 'estimated_increment',
    'suspect_increment', 'error_count', 'reading_count',
] %}
{%- set marts = {
    'hours': 'brick_production_stats_hourly',
    'shifts': 'brick_production_stats',
    'days': 'brick_production_stats_daily',
} %}

with int_brick_increments as (

    select
        device_id,
        count_increment,
        case when not is_gap then count_increment end as measured_increment,
        case when is_gap then count_increment end as estimated_increment,
        suspect_increment,
        case when not is_gap then error_increment end as error_count,
        1 as reading_count
    from {{ ref('int_brick_increments') }}

),

int_brick_slices as (select * from {{ ref('int_brick_slices') }}),

sums as (

    select device_id, sum_of, 'readings' as counted_over, sum(value) as total
    from int_brick_increments
    cross join lateral (
        values
        {%- for column in sums %}
        ('{{ column }}', {{ column }}){{ ',' if not loop.last }}
        {%- endfor %}
    ) as long_form (sum_of, value)
    group by device_id, sum_of
    union all
    select device_id, sum_of, 'slices', sum(value)
    from int_brick_slices
    cross join lateral (
        values
        ('count_increment', count_increment),
        ('measured_increment', case when not is_gap then count_increment end),
        ('estimated_increment', case when is_gap then count_increment end),
        ('error_count', case when not is_gap then error_increment end)
    ) as long_form (sum_of, value)
    group by device_id, sum_of
    {%- for grain, mart in marts.items() %}
    union all
    select device_id, sum_of, '{{ grain }}', sum(value)
    from {{ ref(mart) }}
    cross join lateral (
        values
        {%- for column in sums %}
        ('{{ column }}', {{ column }}){{ ',' if not loop.last }}
        {%- endfor %}
    ) as long_form (sum_of, value)
    group by device_id, sum_of
    {%- endfor %}

),

side_by_side as (

    select
        device_id,
        sum_of,
        {%- for place in ['readings', 'slices'] + marts | list %}
        coalesce(sum(total) filter (where counted_over = '{{ place }}'), 0)
            as over_{{ place }}{{ ',' if not loop.last }}
        {%- endfor %}
    from sums
    group by device_id, sum_of

)

select * from side_by_side
where over_readings <> over_hours
    or (
        over_readings <> over_slices
        and sum_of not in ('suspect_increment', 'reading_count')
    )
    or over_readings <> over_shifts
    or over_readings <> over_days
