{#
    How dbt makes schemas and seeds, so that two first runs do not collide and a table's
    readers and views never miss it.
#}

{#- `if not exists` alone fails when two create at once, which dbt does before any hook. -#}
{% macro postgres__create_schema(relation) -%}
  {%- call statement('create_schema') -%}
    select pg_advisory_xact_lock(hashtext('brickworks create_schema'));
    create schema if not exists {{ relation.without_identifier().include(database=False) }}
  {%- endcall -%}
{% endmacro %}


{#- Deleted, where dbt truncates, which empties the table for transactions under way; and
    made anew on a full refresh only if its columns changed, because the views that read
    a seed go with it. -#}
{% macro postgres__reset_csv_table(model, full_refresh, old_relation, agate_table) %}
  {% if full_refresh %}
    {% set backup_relation = make_backup_relation(old_relation, 'table') %}
    {% do adapter.rename_relation(old_relation, backup_relation) %}
    {% set sql = create_csv_table(model, agate_table) %}
    {% if not has_columns_of(old_relation, backup_relation) %}
      {% do adapter.drop_relation(backup_relation) %}
      {{ return(sql) }}
    {% endif %}
    {% do adapter.drop_relation(old_relation) %}
    {% do adapter.rename_relation(backup_relation, old_relation) %}
  {% endif %}
  {% set sql = 'delete from ' ~ old_relation %}
  {% do run_query(sql) %}
  {{ return(sql) }}
{% endmacro %}


{#- Whether two tables have the same columns: name, type and precision. -#}
{% macro has_columns_of(relation, other) %}
  {% set columns = [] %}
  {% for table in [relation, other] %}
    {% do columns.append(
        "(select array_agg((attname, atttypid, atttypmod)::text order by attname)"
        ~ " from pg_attribute where attnum > 0 and not attisdropped"
        ~ " and attrelid = '" ~ table ~ "'::regclass)"
    ) %}
  {% endfor %}
  {{ return(run_query('select ' ~ columns | join(' = ')).rows[0][0]) }}
{% endmacro %}


{#- Whether a view reads a table. -#}
{% macro is_read_by_views(relation) %}
  {{ return(run_query(
      "select exists (select from pg_depend where classid = 'pg_rewrite'::regclass"
      ~ " and refobjid = '" ~ relation ~ "'::regclass)"
  ).rows[0][0]) }}
{% endmacro %}
