{#- The time of day at which a production day starts. -#}
{% macro day_start() -%} time {{ literal(var('production_day_starts_at')) }} {%- endmacro %}
