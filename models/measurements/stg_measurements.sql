-- One row per raw message: payload unwrapped, envelope typed and judged.
{% set earliest = local_moment(earliest_date(), day_start()) %}
{% set longest = longest_id() %}

with measurements as (select * from {{ source('raw', 'measurements') }}),

-- Spelt as the messages' ids are, once and not per message.
registered as materialized (
    select
        {{ device_key('device_id') }} as device_id,
        {{ sensor_type_key('sensor_type') }} as sensor_type,
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
        created_at,
        metadata,
        identity.*,
        content.payload
    from measurements
    -- Of the ids alone: the planner keeps it for the next message with the same ones.
    cross join lateral (
        select
            -- Lower case cannot collide with a real id, which is upper case.
            coalesce(nullif(left(device, {{ longest }}), ''), '(missing)') as device_id,
            coalesce(nullif(left(type, {{ longest }}), ''), '(missing)') as sensor_type,
            coalesce(length(device) > {{ longest }}, false) as is_too_long
        from (
            select
                {{ device_key('measurements.device_id') }} as device,
                {{ sensor_type_key('measurements.sensor_type') }} as type
            where true offset 0
        ) as keys
        offset 0
    ) as identity
    cross join lateral (
        select {{ unwrapped('data') }} as payload where true offset 0
    ) as content
),

-- A time is believed before anything is added to it: the type has edges.
clocked as (
    select
        unwrapped.*,
        registered.commissioned_on,
        clock.*,
        clock.possible_at <= clock.ingested_at
        + interval {{ literal(var('clock_ahead_tolerance')) }} as is_before_arrival
    from unwrapped
    left join lateral (
        select commissioned_on, commissioned_at from registered
        where registered.device_id = unwrapped.device_id
            and registered.sensor_type = unwrapped.sensor_type
        offset 0
    ) as registered on true
    cross join lateral (
        select
            {{ believable('created_at', earliest) }} as ingested_at,
            {{ believable(
                'measured_at', 'coalesce(registered.commissioned_at, ' ~ earliest ~ ')'
            ) }} as possible_at
        where true offset 0
    ) as clock
),

filed as (
    select
        *,
        case when is_before_arrival then possible_at end as event_at,
        -- A message whose own time is impossible is filed under its arrival.
        case
            when not is_before_arrival then ingested_at
            else coalesce(possible_at, ingested_at, {{ earliest }})
        end as filed_at
    from clocked
)

select
    measurement_id,
    device_id, raw_device_id,
    {{ device_position('device_id') }} as position,
    {{ device_number('device_id') }} as device_number,
    sensor_type,
    case
        when device_id = '(missing)' then 'missing_device_id'
        when is_too_long then 'device_id_too_long'
        when created_at is null then 'missing_created_at'
        when ingested_at is null then 'bad_created_at'
        when event_at is null then 'bad_timestamp'
        when coalesce(jsonb_typeof(payload), '') <> 'object' then 'not_an_object'
    end as envelope_rejection,
    payload, metadata,
    event_at is null or raw_device_id is null
    or octet_length(raw_device_id) > {{ longest }} as is_odd,
    event_at, filed_at,
    {{ production_date('filed_at') }} as production_date,
    commissioned_on, measured_at, ingested_at
from filed
