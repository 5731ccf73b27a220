-- One row per raw message: payload unwrapped, envelope typed and judged.
with measurements as (

    select * from {{ source('raw', 'measurements') }}

),

-- Spelt as the messages' ids are, once and not per message: within a device-day the
-- planner expects one message, and then walks through the registry for each.
registered as materialized (

    select
        upper(trim(device_id)) as device_id,
        lower(trim(sensor_type)) as sensor_type,
        commissioned_on
    from (select * from {{ ref('device_registry') }}) as device_registry

),

unwrapped as (

    select
        id as measurement_id,
        device_id as raw_device_id,
        "timestamp" as measured_at,
        created_at as ingested_at,
        metadata,
        -- Lower case cannot collide with a real id, which is upper case.
        coalesce(nullif(upper(trim(device_id)), ''), '(missing)') as device_id,
        coalesce(nullif(lower(trim(sensor_type)), ''), '(missing)') as sensor_type,
        case
            when jsonb_typeof(data) = 'string'
                then {{ function_name('try_jsonb') }}(data #>> '{}')
            else data
        end as payload
    from measurements

),

judged as (

    select
        unwrapped.*,
        registered.commissioned_on,
        coalesce(
            measured_at >= {{ local_moment(
                'coalesce(registered.commissioned_on, '
                ~ earliest_date() ~ ')', day_start()
            ) }}
            and measured_at <= least(
                coalesce(ingested_at, 'infinity')
                + interval '{{ var("clock_ahead_tolerance") }}',
                timestamptz '9999-01-01 00:00+00'
            ),
            false
        ) as has_plausible_timestamp
    from unwrapped
    left join registered
        on unwrapped.device_id = registered.device_id
        and unwrapped.sensor_type = registered.sensor_type

),

filed as (

    select
        *,
        -- A message whose own time is impossible is filed under its arrival.
        case
            when has_plausible_timestamp then measured_at
            when ingested_at >= {{ local_moment(earliest_date(), day_start()) }}
                and isfinite(ingested_at) then ingested_at
            else {{ local_moment(earliest_date(), day_start()) }}
        end as filed_at
    from judged

),

final as (

    select
        measurement_id,
        device_id,
        raw_device_id,
        {{ device_position('device_id') }} as position,
        {{ device_number('device_id') }} as device_number,
        sensor_type,
        case
            when device_id = '(missing)' then 'missing_device_id'
            when sensor_type not in {{ sensor_types() }} then 'unknown_sensor_type'
            when not has_plausible_timestamp then 'bad_timestamp'
            when coalesce(jsonb_typeof(payload), '') <> 'object' then 'not_an_object'
        end as envelope_rejection,
        payload,
        metadata,
        case when has_plausible_timestamp then measured_at end as event_at,
        filed_at,
        {{ production_date('filed_at') }} as production_date,
        commissioned_on,
        measured_at,
        ingested_at
    from filed

)

select * from final
