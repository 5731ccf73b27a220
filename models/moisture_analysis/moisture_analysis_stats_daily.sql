-- One row per device and production day: moisture, time in range, alerts, anomalies.
select
    {{ described_columns() }}
from {{ ref('int_moisture_judged') }}
where grain = 'day'
