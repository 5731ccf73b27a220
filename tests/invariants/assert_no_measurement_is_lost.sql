-- One row per sensor type whose messages do not add up, per message of no domain that
-- is not rejected exactly once, and per domain that var sensor_domains does not know.
{%- set domains = var('sensor_domains') %}
-- What arrives while a run lasts is the next run's.
{%- set known = "coalesce(ingested_at < '" ~ run_started_at ~ "', true)" %}

with measurements as (select * from {{ source('raw', 'measurements') }}),

rejected_measurements as (
    select * from {{ ref('rejected_measurements') }} where {{ known }}
),

-- Counted from the raw table itself: a staging view may lose or double rows too.
arrived as (

    select
        id as measurement_id,
        coalesce(nullif(lower(trim(sensor_type)), ''), '(missing)') as sensor_type
    from (select *, created_at as ingested_at from measurements) as raw_messages
    where {{ known }}

),

accounted_for as (

    {%- for sensor_type, staging_model in domains.items() %}
    select
        sensor_type,
        count(*) filter (where verdict = 'reading') as readings,
        count(*) filter (where verdict = 'health') as health,
        count(*) filter (where verdict = 'duplicate') as duplicates,
        count(*) filter (where verdict = 'rejected') as rejected
    from {{ ref(staging_model) }}
    where sensor_type = '{{ sensor_type }}' and {{ known }}
    group by sensor_type
    union all
    {%- endfor %}
    select sensor_type, 0, 0, 0, count(*)
    from rejected_measurements
    where sensor_type not in {{ sensor_types() }}
    group by sensor_type

),

-- What a retention rule took from the raw table stays counted.
expired as (

    select sensor_type, sum(message_count - raw_message_count) as messages
    from {{ ref('int_message_days') }}
    where is_expired
    group by sensor_type

),

arrived_by_type as (

    select sensor_type, sum(messages) as messages
    from (
        select sensor_type, count(*) as messages from arrived group by sensor_type
        union all
        select sensor_type, messages from expired
    ) as all_messages
    group by sensor_type

),

rejections as (

    select measurement_id, count(*) as times
    from rejected_measurements
    group by measurement_id

),

complaints as (

    select format(
        '%s: %s messages, but %s readings + %s health + %s duplicates + %s rejected',
        sensor_type, messages, readings, health, duplicates, rejected
    ) as complaint
    from arrived_by_type
    full join accounted_for using (sensor_type)
    where messages is distinct from readings + health + duplicates + rejected
    union all
    select format(
        '%s: message %s of no domain is rejected %s times',
        sensor_type, measurement_id, coalesce(times, 0)
    )
    from arrived
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
