-- One row per device and minute step: its rate, and mean and standard deviation of the
-- rates of the hour that ends with it.
with steps as (
    select * from {{ ref('int_brick_steps') }}
)

-- Scalar subqueries: who does not ask for them does not pay for them.
select
    device_id,
    last_measurement_id,
    state,
    count_increment,
    seconds,
    round({{ step_rate('steps') }}, 3) as rate_per_hour,
    {{ of_the_trailing_steps('avg', 'steps') }} as rolling_avg_rate,
    {{ of_the_trailing_steps('stddev_samp', 'steps') }} as rolling_std_rate,
    production_date,
    starts_at,
    ends_at
from steps
