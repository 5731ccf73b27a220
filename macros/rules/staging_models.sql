{#- The models that hold the verdicts: one a domain, and one for what no domain takes. -#}
{% macro staging_models() -%}
    {{ return((var('sensor_domains').values() | unique | list) + ['stg_unclaimed_messages']) }}
{%- endmacro %}
