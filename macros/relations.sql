{#
    Runs at once, and readers beside them: runs take turns, and tables that stand are
    changed in place (more of that in readers/). See docs/decisions/0008_one_run_at_a_time.md.
#}

{#- First hook of a run. -#}
{% macro wait_for_turn() -%}
  {%- if execute %}{{ adapter.wait_for_turn(log) }}{% endif -%}
{%- endmacro %}


{#- `if not exists` alone fails when two create at once, which dbt does before any hook. -#}
{% macro postgres__create_schema(relation) -%}
  {%- call statement('create_schema') -%}
    select pg_advisory_xact_lock(hashtext('brickworks create_schema'));
    create schema if not exists {{ relation.without_identifier().include(database=False) }}
  {%- endcall -%}
{% endmacro %}


{#- Deleted, where dbt truncates: that waits for every reader, and empties the table for
    transactions under way. Other columns than before are taken up in place. -#}
{% macro postgres__reset_csv_table(model, full_refresh, old_relation, agate_table) %}
  {% set columns, types = [], model['config'].get('column_types', {}) %}
  {% for name in agate_table.column_names %}
    {% do columns.append(
        adapter.quote_seed_column(name, model['config'].get('quote_columns')) ~ ' '
        ~ types.get(name, adapter.convert_type(agate_table, loop.index0))
    ) %}
  {% endfor %}
  {% do run_query(
      'create temporary table wanted (' ~ columns | join(', ') ~ ') on commit drop'
  ) %}
  {% do match_columns(old_relation, 'pg_temp.wanted') %}
  {% set sql = 'delete from ' ~ old_relation %}
  {% do run_query(sql) %}
  {{ return(sql) }}
{% endmacro %}


{#- Whether grants outlive a refresh. They do, so that dbt has to look for those that a
    config no longer names. -#}
{% macro postgres__copy_grants() %}
  {{ return(true) }}
{% endmacro %}


{#- Gives a table that stands the rows of another with the same columns, and answers whether
    any differed. A swap would drop the views that read it and wait for its readers. Rows are
    alike if they are so byte for byte, 0 is not 0.000; where one is there twice, comparing
    does not tell how often. To compare all of a large table takes longer than to write it. -#}
{% macro refreshed_in_place(relation, refreshed, all_rows=false) %}
  {#- By name: a column added later stands last. -#}
  {% set columns = adapter.get_columns_in_relation(relation)
      | map(attribute='quoted') | join(', ') %}
  {% set repeats = [] %}
  {% for table in [relation, refreshed] %}
    {% do repeats.append(
        'exists (select from ' ~ table ~ ' as t group by t::text having count(*) > 1)'
    ) %}
  {% endfor %}
  {% set unless_alike = ''
      if all_rows or run_query('select ' ~ repeats | join(' or ')).rows[0][0]
      else ' where not exists (select from %s where built *= wanted)' %}
  {% set written = [] %}
  {% for statement in [
      'delete from ' ~ relation ~ ' as built'
      ~ unless_alike | replace(
          '%s', '(select ' ~ columns ~ ' from ' ~ refreshed ~ ') as wanted'),
      'insert into ' ~ relation ~ ' (' ~ columns ~ ') select * from'
      ~ ' (select ' ~ columns ~ ' from ' ~ refreshed ~ ') as wanted'
      ~ unless_alike | replace('%s', relation ~ ' as built'),
  ] %}
    {% do written.append(adapter.execute(statement)[0].rows_affected) %}
  {% endfor %}
  {{ return(written | sum > 0) }}
{% endmacro %}
