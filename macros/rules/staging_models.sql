{#- The models that hold the verdicts: one a domain, one for what no domain takes, and one
    for what came too late. -#}
{% macro staging_models() -%}
    {{ return((var('sensor_domains').values() | unique | list)
        + ['stg_unclaimed_messages', 'stg_late_messages']) }}
{%- endmacro %}
