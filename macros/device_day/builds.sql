{#- What each model has built: one row per model, sensor type, device and production day,
    written in the transaction that writes the model's rows. No model of dbt's, because
    all of them write to it. -#}
{% macro builds() -%}
    {{ adapter.quote(schema_of('int_')) }}.device_day_builds
{%- endmacro %}
