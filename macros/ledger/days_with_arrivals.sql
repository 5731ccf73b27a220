{#- A CTE, if this run may look at new messages alone, else none: the device-days that ids
    above the newest one hashed fall into, less a margin for writers that commit out of
    order.

    It may if var `reconcile` is `arrivals`, the ledger is there, and with these days it
    accounts for every raw row. A message that became visible long after its id was drawn,
    or a raw row that is gone, makes the counts differ, and then all days are hashed
    again. -#}
{% macro days_with_arrivals() -%}
    {%- set ledger = as_it_stands('int_message_days') -%}
    {%- if not execute or var('reconcile') != 'arrivals' or should_full_refresh()
        or flags.EMPTY or model.resource_type == 'unit_test'
        or load_relation(ledger) is none -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set newest -%}
        select coalesce(max(last_measurement_id), 0) from {{ ledger }}
    {%- endset -%}
    {#- The id is a literal, for the planner to know how few rows lie above it. -#}
    {%- set days_with_arrivals -%}
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
            left join {{ ledger }} as known using (sensor_type, device_id, production_date)
            where measurement_id
                > {{ run_query(newest).rows[0][0] }} - {{ var('arrival_margin') }}
            group by sensor_type, device_id, production_date

        )
    {%- endset -%}
    {%- set suffice -%}
        with stg_measurements as not materialized (
            select * from {{ ref('stg_measurements') }}
        ),

        {{ days_with_arrivals }}

        select
            (select count(*) from {{ source('raw', 'measurements') }})
            = (select coalesce(sum(raw_message_count), 0) from {{ ledger }})
            + coalesce(sum(found.message_count - coalesce(days.known_count, 0)), 0)
            and not exists (
                select from {{ ledger }} as known
                left join {{ ref('device_registry') }} as registry
                    on known.device_id = {{ device_key('registry.device_id') }}
                    and known.sensor_type
                    = {{ sensor_type_key('registry.sensor_type') }}
                where known.calendar_version
                    <> {{ calendar_version('registry.commissioned_on') }}
                    and not known.is_expired
            )
        from days_with_arrivals as days
        cross join lateral (
            select count(*) as message_count
            from {{ messages_of('stg_measurements', 'days') }} as messages
        ) as found
    {%- endset -%}
    {%- if run_query(suffice).rows[0][0] -%}
        {{ return(days_with_arrivals) }}
    {%- endif -%}
    {{ log('The ledger does not account for every raw row: hashing all days.', true) }}
    {{ return(none) }}
{%- endmacro %}
