{#- The production day a moment belongs to: 06:00 to 06:00 on the plant's wall clock. -#}
{% macro production_date(moment) -%}
    cast(
        ({{ moment }} at time zone {{ literal(var('plant_timezone')) }})
        - interval {{ literal(var('production_day_starts_at')) }} as date
    )
{%- endmacro %}
