{#- That of dbt-postgres 1.11.0 after its first statement, which turns a Python model into
    the select over its result; from there on it is SQL like any other. When dbt is
    upgraded, compare with the new original. -#}
{% macro postgres__create_table_as(temporary, relation, compiled_code, language='sql') -%}
  {%- set sql = compiled_code -%}
  {%- if language == 'python' -%}
    {%- set sql = adapter.stage_python_model(model, compiled_code, flags.EMPTY) -%}
  {%- endif -%}
  {%- set unlogged = config.get('unlogged', default=false) -%}
  {%- set sql_header = config.get('sql_header', none) -%}

  {{ sql_header if sql_header is not none }}

  create {% if temporary -%}
    temporary
  {%- elif unlogged -%}
    unlogged
  {%- endif %} table {{ relation }}
  {% set contract_config = config.get('contract') %}
  {% if contract_config.enforced %}
    {{ get_assert_columns_equivalent(sql) }}
  {% endif -%}
  {% if contract_config.enforced and (not temporary) -%}
      {{ get_table_columns_and_constraints() }} ;
    insert into {{ relation }} (
      {{ adapter.dispatch('get_column_names', 'dbt')() }}
    )
    {%- set sql = get_select_subquery(sql) %}
  {% else %}
    as
  {% endif %}
  (
    {{ sql }}
  );
{%- endmacro %}
