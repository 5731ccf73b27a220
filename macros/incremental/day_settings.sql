{#- What a model's config says under meta about the device-days it is built by:
    built_from, domain, reads_raw. -#}
{% macro day_settings() -%}
    {{ return((model.get('config') or {}).get('meta') or {}) }}
{%- endmacro %}
