{#- `if not exists` alone fails when two create at once, which dbt does before any hook. -#}
{% macro postgres__create_schema(relation) -%}
  {%- call statement('create_schema') -%}
    select pg_advisory_xact_lock(hashtext('brickworks create_schema'));
    create schema if not exists {{ relation.without_identifier().include(database=False) }}
  {%- endcall -%}
{% endmacro %}
