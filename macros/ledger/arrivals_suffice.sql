{#- Whether this run may look at new messages alone: var `reconcile` is `arrivals`, the
    ledger is there, and with the days that new ids fall into it accounts for every raw
    row. A message that became visible long after its id was drawn, or a raw row that
    is gone, makes the counts differ, and then all days are hashed again. -#}
{% macro arrivals_suffice() -%}
    {%- if not execute or var('reconcile') != 'arrivals' or should_full_refresh()
        or flags.EMPTY or model.resource_type == 'unit_test' or load_relation(ledger()) is none -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set guard -%}
        with stg_measurements as not materialized (
            select * from {{ ref('stg_measurements') }}
        ),

        {{ days_with_arrivals() }}

        select
            (select count(*) from {{ source('raw', 'measurements') }})
            = (select coalesce(sum(raw_message_count), 0) from {{ ledger() }})
            + coalesce(sum(found.message_count - coalesce(days.known_count, 0)), 0)
            and not exists (
                select from {{ ledger() }} as known
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
    {%- set suffice = run_query(guard).rows[0][0] -%}
    {%- if not suffice -%}
        {{ log('The ledger does not account for every raw row: hashing all days.', true) }}
    {%- endif -%}
    {{ return(suffice) }}
{%- endmacro %}
