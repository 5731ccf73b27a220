-- One row per raw message: payload unwrapped, envelope typed and judged.
{% set earliest = local_moment(earliest_date(), day_start()) %}

with measurements as (

    select * from {{ source('raw', 'measurements') }}

),

-- Spelt as the messages' ids are, once and not per message.
registered as materialized (

    select
        upper(trim(device_id)) as device_id,
        lower(trim(sensor_type)) as sensor_type,
        commissioned_on,
        {{ local_moment('commissioned_on', day_start()) }} as commissioned_at
    from {{ ref('device_registry') }}

),

-- Without `offset 0` the planner writes an expression out wherever its name stands, to
-- be computed again there. Filters on the raw columns still reach the index.
unwrapped as (

    select
        id as measurement_id,
        measurements.device_id as raw_device_id,
        "timestamp" as measured_at,
        created_at as ingested_at,
        metadata,
        identity.device_id,
        identity.sensor_type,
        case
            when jsonb_typeof(data) = 'string'
                then {{ function_name('try_jsonb') }}(data #>> '{}')
            else data
        end as payload
    from measurements
    cross join lateral (
        select
            -- Lower case cannot collide with a real id, which is upper case.
            coalesce(nullif(upper(trim(measurements.device_id)), ''), '(missing)')
                as device_id,
            coalesce(nullif(lower(trim(measurements.sensor_type)), ''), '(missing)')
                as sensor_type
        where true offset 0
    ) as identity

),

judged as (

    select unwrapped.*, registered.commissioned_on, clock.has_plausible_timestamp
    from unwrapped
    left join lateral (
        select commissioned_on, commissioned_at from registered
        where registered.device_id = unwrapped.device_id
            and registered.sensor_type = unwrapped.sensor_type
        offset 0
    ) as registered on true
    cross join lateral (
        select
            coalesce(
                measured_at >= coalesce(registered.commissioned_at, {{ earliest }})
                and measured_at <= least(
                    coalesce(ingested_at, 'infinity')
                    + interval '{{ var("clock_ahead_tolerance") }}',
                    timestamptz '9999-01-01 00:00+00'
                ),
                false
            ) as has_plausible_timestamp
        where true offset 0
    ) as clock

),

filed as (

    select
        *,
        -- A message whose own time is impossible is filed under its arrival.
        case
            when has_plausible_timestamp then measured_at
            when ingested_at >= {{ earliest }} and isfinite(ingested_at)
                then ingested_at
            else {{ earliest }}
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
