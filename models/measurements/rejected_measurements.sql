-- One row per message that no number uses because it is broken, with the reason.
with int_message_days as (select * from {{ ref('int_message_days') }}),

stg_measurements as (select * from {{ ref('stg_measurements') }}),

rejected_by_their_domain as (

    {%- for staging_model in var('sensor_domains').values() | unique %}
    {{ 'union all' if not loop.first }}
    select
        measurement_id, device_id, sensor_type, rejection_reason as reason,
        filed_at, ingested_at, production_date
    from {{ ref(staging_model) }}
    where verdict = 'rejected'
    {%- endfor %}

),

of_no_domain as (

    select
        messages.measurement_id,
        messages.device_id,
        messages.sensor_type,
        messages.envelope_rejection as reason,
        messages.filed_at,
        messages.ingested_at,
        messages.production_date
    from int_message_days
    cross join lateral (
        select * from stg_measurements
        where {{ is_of_device_day('int_message_days') }}
        offset 0
    ) as messages
    where int_message_days.sensor_type not in {{ sensor_types() }}

),

final as (

    select * from rejected_by_their_domain
    union all
    select * from of_no_domain

)

select * from final
