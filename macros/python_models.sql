{#
    Tables from Python models.

    The `table` materialization never swaps a table that stands, so that little of dbt's is
    left. `create_table_as` is that of dbt-postgres 1.11.0 after its first statement, which
    turns a Python model into the select over its result; from there on it is SQL like any
    other. When dbt is upgraded, compare with the new original.
#}

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


{% materialization table, adapter='postgres', supported_languages=['sql', 'python'] %}
  {%- set existing = load_cached_relation(this) -%}
  {%- set target = this.incorporate(type='table') -%}
  {%- set beside = make_intermediate_relation(target) -%}
  {%- set built = target if existing is none else beside -%}

  {#- What a killed run of dbt's own materialization has left. -#}
  {% for leftover in [beside, make_backup_relation(target, 'table')] %}
    {{ drop_relation_if_exists(load_cached_relation(leftover)) }}
  {% endfor %}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}

  {% call statement('main') -%}
    {{ create_table_as(False, built, compiled_code, model['language']) }}
  {%- endcall %}
  {% set has_changed = true %}
  {% if existing is not none and existing.is_table %}
    {% set are_columns_new = match_columns(existing, built) != '' %}
    {#- With --empty no row was read: what is there is not wrong. #}
    {% set has_changed = not flags.EMPTY
        and refreshed_in_place(existing, built, all_rows=are_columns_new) %}
    {% do adapter.drop_relation(built) %}
  {% elif existing is not none %}
    {% do patiently(statements_that_replace(
        existing, built, get_rename_table_sql(built, adapter.quote(target.identifier))
    )) %}
  {% endif %}
  {% do create_indexes(target) %}

  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {% do apply_grants(
      target, config.get('grants'), should_revoke=should_revoke(existing)) %}
  {% do persist_docs(target, model) %}
  {% do adapter.note_model(model.unique_id, has_changed) %}
  {{ adapter.commit() }}
  {{ run_hooks(post_hooks, inside_transaction=False) }}

  {{ return({'relations': [target]}) }}
{% endmaterialization %}
