-- One row per device, metric and hour: what was measured, how it moved, how long it
-- was too high.
select
    {{ described_columns() }}
from {{ ref('int_machine_metric_judged') }}
where grain = 'hour'
