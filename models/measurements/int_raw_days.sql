-- One row per sensor type, device and production day the raw table has messages of.
-- depends_on: {{ ref('device_registry') }}
{% set only_arrivals = arrivals_suffice() %}

with stg_measurements as not materialized (

    select * from {{ ref('stg_measurements') }}

),
{% if only_arrivals %}
{{ days_with_arrivals() }},

messages as (

    select found.*
    from days_with_arrivals as days
    cross join lateral (
        select * from stg_measurements
        where {{ is_of_device_day('days') }}
        offset 0
    ) as found

),
{% else %}
messages as (select * from stg_measurements),
{% endif %}
-- Grouped by the raw spelling first: a distinct aggregate over all rows costs more.
by_spelling as (

    select
        sensor_type,
        device_id,
        raw_device_id,
        production_date,
        count(*) as message_count,
        sum(measurement_id) as id_sum,
        bit_xor({{ message_hash() }}) as id_hash,
        min(measured_at) as first_measured_at,
        max(measured_at) as last_measured_at,
        max(measurement_id) as last_measurement_id,
        max(commissioned_on) as commissioned_on
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
        {{ messages_hash('sum(message_count)', 'sum(id_sum)', 'bit_xor(id_hash)') }}
            as messages_hash,
        sum(message_count)::bigint as message_count,
        sum(message_count)::bigint as raw_message_count,
        max(last_measurement_id) as last_measurement_id,
        false as is_expired,
        {{ not only_arrivals }} as is_of_all_days,
        max(commissioned_on) as commissioned_on,
        production_date,
        min(first_measured_at) as first_measured_at,
        max(last_measured_at) as last_measured_at
    from by_spelling
    group by sensor_type, device_id, production_date

)

select * from final
