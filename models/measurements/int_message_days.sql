-- One row per sensor type, device and production day: what arrived, as a hash.
with messages as (

    select * from {{ ref('stg_measurements') }}

),

-- Grouped by the raw spelling first: a distinct aggregate over all rows costs more.
by_spelling as (

    select
        sensor_type,
        device_id,
        raw_device_id,
        production_date,
        count(*) as message_count,
        sum(measurement_id) as id_sum,
        -- The same whatever order the messages came in.
        bit_xor(
            hash_record_extended(row(measurement_id, measured_at, ingested_at), 0)
        ) as id_hash,
        min(measured_at) as first_measured_at,
        max(measured_at) as last_measured_at
    from messages
    group by sensor_type, device_id, raw_device_id, production_date

),

final as (

    select
        sensor_type,
        device_id,
        -- The spellings and the time range read the day back through the raw index.
        array_remove(array_agg(raw_device_id order by raw_device_id), null)
            as raw_device_ids,
        production_date,
        sum(message_count)::bigint as message_count,
        md5(
            concat_ws(':', sum(message_count), sum(id_sum), bit_xor(id_hash))
        )::uuid as messages_hash,
        min(first_measured_at) as first_measured_at,
        max(last_measured_at) as last_measured_at
    from by_spelling
    group by sensor_type, device_id, production_date

)

select * from final
