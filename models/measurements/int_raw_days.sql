-- One row per sensor type, device and production day the raw table has messages of.
-- depends_on: {{ ref('device_registry') }}
{% set only_arrivals = days_with_arrivals() %}

with stg_measurements as not materialized (
    select * from {{ ref('stg_measurements') }}
),
{% if only_arrivals %}
{{ only_arrivals }},

messages as (
    select found.*
    from days_with_arrivals as days
    cross join lateral {{ messages_of('stg_measurements', 'days') }} as found
),
{% else %}
messages as (select * from stg_measurements),
{% endif %}
-- Grouped by the raw spelling first: a distinct aggregate over all rows costs more.
by_spelling as (
    select
        sensor_type,
        device_id,
        case when not is_odd then raw_device_id end as raw_device_id,
        production_date,
        count(*) as message_count,
        sum(measurement_id) as id_sum,
        bit_xor({{ message_hash() }}) as id_hash,
        string_agg(measurement_id::text, ',' order by measurement_id)
            filter (where is_odd) as odd_ids,
        max(measurement_id) as last_measurement_id,
        max(commissioned_on) as commissioned_on,
        max(event_at) as last_event_at
    from messages
    group by
        sensor_type, device_id, case when not is_odd then raw_device_id end,
        production_date
)

select
    sensor_type,
    device_id,
    array_remove(array_agg(raw_device_id order by raw_device_id), null)
        as raw_device_ids,
    coalesce(string_to_array(max(odd_ids), ',')::bigint[], '{}') as odd_ids,
    {{ messages_hash('sum(message_count)', 'sum(id_sum)', 'bit_xor(id_hash)') }}
        as messages_hash,
    sum(message_count)::bigint as message_count,
    max(last_measurement_id) as last_measurement_id,
    {{ not only_arrivals }} as is_of_all_days,
    {{ calendar_version('max(commissioned_on)') }} as calendar_version,
    production_date,
    max(last_event_at) as last_event_at
from by_spelling
group by sensor_type, device_id, production_date
