{#- Seconds from the measurement to its arrival in the raw table. -#}
{% macro lag_seconds() -%} extract(epoch from ingested_at - event_at) {%- endmacro %}
