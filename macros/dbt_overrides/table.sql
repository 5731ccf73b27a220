{#- The `table` materialization, for SQL and Python, never swaps a table that stands: a swap
    would drop the views that read it and wait for its readers. What another run has to do
    with it: docs/decisions/0008_one_run_at_a_time.md. -#}
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
    {% if flags.EMPTY %}
      {#- No row was read: what is there is not wrong. #}
      {% set has_changed = false %}
    {% else %}
      {#- Rows are alike if they are so byte for byte, 0 is not 0.000; where one is there
          twice, comparing does not tell how often. To compare all of a large table takes
          longer than to write it. Columns go by name: one added later stands last. #}
      {% set columns = adapter.get_columns_in_relation(existing)
          | map(attribute='quoted') | join(', ') %}
      {% set repeats = [] %}
      {% for relation in [existing, built] %}
        {% do repeats.append(
            'exists (select from ' ~ relation ~ ' as t group by t::text having count(*) > 1)'
        ) %}
      {% endfor %}
      {% set unless_alike = ''
          if are_columns_new or run_query('select ' ~ repeats | join(' or ')).rows[0][0]
          else ' where not exists (select from %s where built *= wanted)' %}
      {% set wanted = '(select ' ~ columns ~ ' from ' ~ built ~ ') as wanted' %}
      {% set written = [] %}
      {% for statement in [
          'delete from ' ~ existing ~ ' as built'
          ~ unless_alike | replace('%s', wanted),
          'insert into ' ~ existing ~ ' (' ~ columns ~ ') select * from ' ~ wanted
          ~ unless_alike | replace('%s', existing ~ ' as built'),
      ] %}
        {% do written.append(adapter.execute(statement)[0].rows_affected) %}
      {% endfor %}
      {% set has_changed = written | sum > 0 %}
    {% endif %}
    {% do adapter.drop_relation(built) %}
  {% elif existing is not none %}
    {% do adapter.execute_patiently(statements_that_replace(
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
