{#- The indexes of the config that a table lacks. dbt makes up another name for an index
    each time, so that indexes are the same if PostgreSQL describes them alike. -#}
{% macro postgres__create_indexes(relation) %}
  {% set wanted = config.get('indexes', []) %}
  {% set lacking = wanted | list %}
  {% set has_indexes = wanted and run_query(
      "select exists (select from pg_index where indrelid = '" ~ relation ~ "'::regclass)"
  ).rows[0][0] %}
  {% if has_indexes %}
    {% set shape = api.Relation.create(schema='pg_temp', identifier='index_shape') %}
    {% do run_query('create table ' ~ shape ~ ' (like ' ~ relation ~ ')') %}
    {% for index in wanted %}
      {% do run_query(get_create_index_sql(shape, index)) %}
    {% endfor %}
    {% set compared %}
      select exists (
          select from pg_index as built
          where built.indrelid = '{{ relation }}'::regclass
              and built.indisunique = wanted.indisunique
              and substring(pg_get_indexdef(built.indexrelid) from ' USING .*')
              = substring(pg_get_indexdef(wanted.indexrelid) from ' USING .*')
      )
      from pg_index as wanted
      where indrelid = '{{ shape }}'::regclass
      order by indexrelid
    {% endset %}
    {% for row in run_query(compared).rows if row[0] %}
      {% do lacking.remove(wanted[loop.index0]) %}
    {% endfor %}
    {% do run_query('drop table ' ~ shape) %}
  {% endif %}
  {% for index in lacking %}
    {% do adapter.execute_patiently([get_create_index_sql(relation, index)]) %}
  {% endfor %}
{% endmacro %}
