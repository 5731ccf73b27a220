{#- Identifies a message by its id and times; messages are never changed. -#}
{% macro message_hash() -%}
    hash_record_extended(row(measurement_id, measured_at, event_at, ingested_at), 0)
{%- endmacro %}
