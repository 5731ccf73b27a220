{#- True for the device-days this model has to build: it has rows for such days, by meta
    `builds_days_with`, and its table has none yet. -#}
{% macro is_unbuilt() -%}
    ({{ day_settings().get('builds_days_with', 'true') }})
    {%- if is_incremental() %}
        and {{ stored_fingerprint(this, 'days.production_date') }} is null
    {%- endif -%}
{%- endmacro %}
