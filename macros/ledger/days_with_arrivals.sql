{#- A CTE: the device-days that ids above the newest one hashed fall into, less a margin
    for writers that commit out of order. The id is a literal, for the planner to know
    how few rows lie above it. -#}
{% macro days_with_arrivals() -%}
{%- set newest -%}
    select coalesce(max(last_measurement_id), 0) from {{ ledger() }}
{%- endset -%}
days_with_arrivals as materialized (

    select
        sensor_type,
        device_id,
        coalesce(array_agg(distinct raw_device_id) filter (where not is_odd), '{}')
        || coalesce(max(known.raw_device_ids), '{}') as raw_device_ids,
        coalesce(array_agg(measurement_id) filter (where is_odd), '{}')
        || coalesce(max(known.odd_ids), '{}') as odd_ids,
        max(known.raw_message_count) as known_count,
        production_date
    from stg_measurements
    left join {{ ledger() }} as known using (sensor_type, device_id, production_date)
    where measurement_id
        > {{ run_query(newest).rows[0][0] }} - {{ var('arrival_margin') }}
    group by sensor_type, device_id, production_date

)
{%- endmacro %}
