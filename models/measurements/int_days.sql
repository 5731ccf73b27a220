-- One row per sensor type, device and production day that has messages or lies between
-- two with readings: what became of the messages.
with int_day_verdicts as (select * from {{ ref('int_day_verdicts') }}),

reading_days as (
    select
        sensor_type,
        device_id,
        production_date,
        last_reading_at,
        lead(production_date) over series as next_date,
        lead(first_reading_at) over series as next_reading_at
    from int_day_verdicts
    where reading_count > 0
    window series as (partition by sensor_type, device_id order by production_date)
),

-- A silence that is longer than a gap may be has no days: nobody knows what was then.
silent_days as (
    select sensor_type, device_id, silent_day::date as production_date
    from reading_days
    cross join lateral generate_series(
        production_date + interval '1 day', next_date - interval '1 day', '1 day'
    ) as silent_day
    where next_reading_at - last_reading_at
        <= interval {{ literal(var('longest_bridged_gap')) }}
)

select
    sensor_type,
    device_id,
    {%- for count in ['message', 'reading', 'health', 'duplicate', 'rejected',
        'late'] %}
    coalesce({{ count }}_count, 0) as {{ count }}_count,
    {%- endfor %}
    max_lag_seconds,
    production_date,
    first_reading_at,
    last_reading_at
from int_day_verdicts
full join silent_days using (sensor_type, device_id, production_date)
