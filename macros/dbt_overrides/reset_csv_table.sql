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
