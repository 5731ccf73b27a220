{#- A model's table as the last run left it, for what is itself made from it: a ref would
    be a circle. -#}
{% macro as_it_stands(name) -%}
    {{ return(api.Relation.create(
        database=target.database,
        schema=schema_of(name),
        identifier=name,
        type='table'
    )) }}
{%- endmacro %}


{#- The ledger's rows before this run; none before the first one. -#}
{% macro ledger_before() -%}
    {%- set ledger = as_it_stands('int_message_days') -%}
    {%- if execute and model.resource_type != 'unit_test' and load_relation(ledger) is not none
        and 'calendar_version'
        in adapter.get_columns_in_relation(ledger) | map(attribute='name') -%}
        {{ ledger }}
    {%- else -%}
        (
            select
                null::text as sensor_type, null::text as device_id,
                null::date as production_date, null::text[] as raw_device_ids,
                null::bigint[] as odd_ids, null::uuid as messages_hash,
                null::bigint as message_count, null::uuid as raw_messages_hash,
                null::bigint as raw_message_count, null::bigint as last_measurement_id,
                null::uuid as calendar_version, null::timestamptz as last_event_at
            where false
        )
    {%- endif -%}
{%- endmacro %}


{#- How many readings each day has given so far. -#}
{% macro readings_before() -%}
    {%- set verdicts = as_it_stands('int_day_verdicts') -%}
    {%- if execute and model.resource_type != 'unit_test'
        and load_relation(verdicts) is not none -%}
        (
            select sensor_type, device_id, production_date, reading_count
            from {{ verdicts }}
        )
    {%- else -%}
        (
            select
                null::text as sensor_type, null::text as device_id,
                null::date as production_date, 0 as reading_count
            where false
        )
    {%- endif -%}
{%- endmacro %}
