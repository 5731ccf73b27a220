{#- True for the device-days this model's table has no rows of. -#}
{% macro is_unbuilt() -%}
    {%- if is_incremental() -%}
        {{ stored_fingerprint(this, 'days.production_date') }} is null
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}
