-- One row per device and production day: running time, health, alerts, maintenance.
select
    {{ described_columns() }}
from {{ ref('int_machine_judged') }}
where grain = 'day'
