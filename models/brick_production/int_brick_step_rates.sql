-- One row per device and minute step: its rate, and mean and standard deviation of the
-- rates of the hour that ends with it.
with steps as not materialized (
    select
        *,
        case when state <> 'unobserved' then count_increment * 3600 / nullif(seconds, 0)
        end as rate
    from {{ ref('int_brick_steps') }}
)

-- Scalar subqueries: who does not ask for them does not pay for them.
select
    device_id,
    last_measurement_id,
    state,
    count_increment,
    seconds,
    round(rate, 3) as rate_per_hour,
    {%- for column, aggregate in [
        ('rolling_avg_rate', 'avg'), ('rolling_std_rate', 'stddev_samp')
    ] %}
    (
        select round({{ aggregate }}(earlier.rate), 3) from steps as earlier
        where earlier.device_id = steps.device_id
            and earlier.ends_at
            > steps.ends_at - interval {{ literal(var('rolling_window')) }}
            and earlier.ends_at <= steps.ends_at
    ) as {{ column }},
    {%- endfor %}
    production_date,
    starts_at,
    ends_at
from steps
