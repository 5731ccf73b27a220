-- One row per raw message that is not staged exactly once, per device-day whose
-- messages do not add up, per message of no domain that is not rejected exactly
-- once, and per domain that var sensor_domains does not know.
{%- set domains = var('sensor_domains') %}

with measurements as (select * from {{ source('raw', 'measurements') }}),

stg_measurements as (

    select measurement_id, sensor_type, device_id, production_date
    from {{ ref('stg_measurements') }}

),

rejected_measurements as (select * from {{ ref('rejected_measurements') }}),

settled_days as (
    {{ settled_days() }}
),

-- Of an expired day the raw table has less than the ledger, which stays as it was.
ledger as (

    select sensor_type, device_id, production_date, message_count as messages
    from {{ ref('int_message_days') }}
    left join settled_days using (sensor_type, device_id, production_date)
    where is_expired or settled_days.device_id is not null

),

accounted_for as (

    {%- for sensor_type, staging_model in domains.items() %}
    select
        sensor_type,
        device_id,
        production_date,
        count(*) filter (where verdict = 'reading') as readings,
        count(*) filter (where verdict = 'health') as health,
        count(*) filter (where verdict = 'duplicate') as duplicates,
        count(*) filter (where verdict = 'rejected') as rejected
    from {{ ref(staging_model) }}
    where sensor_type = {{ literal(sensor_type) }}
    group by sensor_type, device_id, production_date
    union all
    {%- endfor %}
    select sensor_type, device_id, production_date, 0, 0, 0, count(*)
    from rejected_measurements
    where sensor_type not in {{ sensor_types() }}
    group by sensor_type, device_id, production_date

),

rejections as (

    select measurement_id, count(*) as times
    from rejected_measurements
    group by measurement_id

),

complaints as (

    -- One snapshot of both: true whatever arrives.
    select format('message %s is staged %s times', id, count(measurement_id))
        as complaint
    from measurements
    left join stg_measurements on id = measurement_id
    group by id
    having count(measurement_id) <> 1
    union all
    select format(
        '%s of %s on %s: %s messages, but %s readings + %s health + %s duplicates'
        || ' + %s rejected',
        sensor_type, device_id, production_date,
        messages, readings, health, duplicates, rejected
    )
    from ledger
    left join accounted_for using (sensor_type, device_id, production_date)
    where messages <> coalesce(readings + health + duplicates + rejected, 0)
    union all
    select format(
        '%s: message %s of no domain is rejected %s times',
        sensor_type, measurement_id, coalesce(times, 0)
    )
    from stg_measurements
    inner join settled_days using (sensor_type, device_id, production_date)
    left join rejections using (measurement_id)
    where sensor_type not in {{ sensor_types() }} and times is distinct from 1
    {%- for node in graph.nodes.values() if execute
        and node.resource_type == 'model'
        and node.package_name == project_name
        and node.name.startswith('stg_')
        and not node.original_file_path.startswith('models/measurements/')
        and node.name not in domains.values() %}
    -- Without its line a domain's messages would all be of an unknown type.
    union all
    select '{{ node.name }} has no line in sensor_domains of dbt_project.yml'
    {%- endfor %}

)

select * from complaints
