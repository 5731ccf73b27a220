-- One row per device and shift: moisture, time in range, alerts, anomalies.
select
    {{ described_columns() }}
from {{ ref('int_moisture_judged') }}
where grain = 'shift'
