-- One row per device and production day: bricks, errors, speed, anomalies.
select
    {{ described_columns() }}
from {{ ref('int_brick_production_judged') }}
where grain = 'day'
