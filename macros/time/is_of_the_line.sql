{#- True for the rows of a calendar that hold for a day's line; without a line a row
    holds for all. -#}
{% macro is_of_the_line(rows, day='days') -%}
    coalesce({{ rows }}.production_line = {{ day }}.production_line,
        {{ rows }}.production_line is null)
{%- endmacro %}
