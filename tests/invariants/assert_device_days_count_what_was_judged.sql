-- One row per sensor type, device and production day whose line in the ledger differs
-- from the messages that were judged.

with device_days as (

    select
        sensor_type, device_id, production_date,
        message_count, reading_count, health_count, duplicate_count, rejected_count
    from {{ ref('device_days') }}
    where sensor_type in {{ sensor_types() }}

),

verdicts as (

    {%- for staging_model in staging_models() %}
    {{ 'union all' if not loop.first }}
    select sensor_type, device_id, production_date, verdict
    from {{ ref(staging_model) }}
    where sensor_type in {{ sensor_types() }}
    {%- endfor %}

),

judged as (

    select
        sensor_type, device_id, production_date,
        count(*) as messages,
        count(*) filter (where verdict = 'reading') as readings,
        count(*) filter (where verdict = 'health') as health,
        count(*) filter (where verdict = 'duplicate') as duplicates,
        count(*) filter (where verdict = 'rejected') as rejected
    from verdicts
    group by sensor_type, device_id, production_date

)

-- A silent day has a line with zeros.
select *
from device_days
full join judged using (sensor_type, device_id, production_date)
where (message_count, reading_count, health_count, duplicate_count, rejected_count)
    is distinct from (
        coalesce(messages, 0), coalesce(readings, 0), coalesce(health, 0),
        coalesce(duplicates, 0), coalesce(rejected, 0)
    )
