-- One row per message that no number uses because it is broken, with the reason.
with device_days as materialized (

    select *, {{ fingerprint() }} as day_fingerprint
    from (select * from {{ ref('device_days') }}) as days
    where {{ is_unbuilt() }}

),

staged_messages as (

    {%- for staging_model in staging_models() %}
    {{ 'union all' if not loop.first }}
    select
        measurement_id, device_id, sensor_type, verdict, rejection_reason,
        filed_at, ingested_at, production_date
    from {{ ref(staging_model) }}
    {%- endfor %}

),

final as (

    select
        device_days.day_fingerprint as fingerprint,
        messages.measurement_id,
        messages.device_id,
        messages.sensor_type,
        messages.rejection_reason as reason,
        messages.production_date,
        messages.filed_at,
        messages.ingested_at
    from device_days
    cross join lateral (
        select * from staged_messages
        where {{ is_same_device_day('staged_messages', 'device_days') }}
            and verdict = 'rejected'
    ) as messages

)

select * from final
