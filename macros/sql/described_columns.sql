{#- The columns that the model's YAML describes, for a view that passes them on. A unit test
    has no YAML of its own. -#}
{% macro described_columns() -%}
    {{ model.columns | join(',\n    ') or '*' }}
{%- endmacro %}
