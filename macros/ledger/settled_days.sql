{#- For tests, a select: the device-days of which the raw table holds just what the ledger
    says. Of these alone it is known which messages must have been judged. The others got
    messages after the ledger was written; these are the next run's, and neither an id nor
    a created_at would tell which they are. -#}
{% macro settled_days() -%}
    select ledger.sensor_type, ledger.device_id, ledger.production_date
    from {{ ref('int_message_days') }} as ledger
    inner join (
        select
            sensor_type, device_id, production_date,
            {{ messages_hash() }} as messages_hash
        from {{ ref('stg_measurements') }}
        group by sensor_type, device_id, production_date
    ) as raw_days using (sensor_type, device_id, production_date)
    where ledger.messages_hash = raw_days.messages_hash
{%- endmacro %}
