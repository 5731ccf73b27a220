{#- What a model's config says under meta about the device-days it is built by:
    built_from, builds_days_with, domain, reads_raw. -#}
{% macro day_settings(node=none) -%}
    {{ return(((node or model).get('config') or {}).get('meta') or {}) }}
{%- endmacro %}
