{#- The `view` materialization of dbt-adapters renames and drops: each run would wait for
    who reads, and would take grants and the views of others with it. Here a view that is
    as it shall be is let alone, one whose columns stand or only grow is replaced, and
    only else it is made anew. -#}
{% materialization view, adapter='postgres' %}
  {% set existing = load_cached_relation(this) %}
  {% set target = this.incorporate(type='view') %}
  {% set wanted = target if existing is none
      else api.Relation.create(schema='pg_temp', identifier='wanted_view') %}
  {% set statements = [target] %}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}

  {% call statement('main') -%}
    {{ get_create_view_as_sql(wanted, sql) }}
  {%- endcall %}
  {% if existing is not none %}
    {% set definition = get_replace_view_sql(target, sql) %}
    {% set is_same, does_grow = false, false %}
    {#- With --empty a view would read nothing from then on. #}
    {% if existing.is_view and flags.EMPTY %}
      {% set is_same = true %}
    {% elif existing.is_view %}
      {#- PostgreSQL writes down two definitions alike if they are the same. #}
      {% set compared %}
        select
            pg_get_viewdef('{{ existing }}'::regclass)
            = pg_get_viewdef('{{ wanted }}'::regclass),
            not exists (
                select from ({{ columns_of(existing) }}) as built
                left join ({{ columns_of(wanted) }}) as wanted using (attnum, attname, type)
                where wanted.attnum is null
            )
      {% endset %}
      {% set is_same, does_grow = run_query(compared).rows[0] %}
    {% endif %}
    {% set statements = [] if is_same else [definition] if does_grow
        else statements_that_replace(existing, wanted, definition) %}
    {% do adapter.execute_patiently(statements) %}
    {% do run_query('drop view ' ~ wanted) %}
  {% endif %}

  {% do apply_grants(
      target, config.get('grants'), should_revoke=should_revoke(existing)) %}
  {% do persist_docs(target, model) %}
  {% do adapter.note_model(model.unique_id, statements | length > 0) %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {{ adapter.commit() }}
  {{ run_hooks(post_hooks, inside_transaction=False) }}

  {{ return({'relations': [target]}) }}
{% endmaterialization %}
