{#- Identifies a reading, whatever order the readings are added in. -#}
{% macro reading_hash() -%}
    hash_record_extended(row(measurement_id, event_at, ingested_at), 0)
{%- endmacro %}
