-- One row per message of a sensor type that no domain takes: all of them are rejected.
with stg_measurements as (select * from {{ ref('stg_measurements') }}),

int_message_days as materialized (

    select *, {{ fingerprint() }} as fingerprint
    from (select * from {{ ref('int_message_days') }}) as days
    where {{ is_unbuilt() }}

),

final as (

    select
        int_message_days.fingerprint,
        messages.measurement_id,
        messages.device_id,
        messages.sensor_type,
        'rejected' as verdict,
        messages.envelope_rejection as rejection_reason,
        messages.production_date,
        messages.event_at,
        messages.filed_at,
        messages.ingested_at
    from int_message_days
    cross join lateral (
        select * from stg_measurements
        where {{ is_of_device_day('int_message_days') }}
        offset 0
    ) as messages

)

select * from final
