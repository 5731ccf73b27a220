{#- Gives a table that stands the columns of another table, or of a query. Grants, indexes
    and the views of others stay; where a view reads what has to go, a sentence says so.
    New columns stand last.

    Answers with what became of the rows: '' if no column differs, `altered` if they are
    as they were, NULL in new columns, and `emptied` if they are gone: a column has
    another type, or may no longer be NULL. -#}
{% macro match_columns(relation, wanted=none, query=none, constraints=true) %}
  {% if query is not none %}
    {% do run_query('create temporary view wanted_columns as ' ~ query) %}
    {% set wanted, constraints = 'pg_temp.wanted_columns', false %}
  {% endif %}
  {% set differing %}
    select
        quote_ident(attname),
        built.attnum,
        wanted.type,
        built.type is distinct from wanted.type as is_other,
        wanted.attnotnull,
        built.attnotnull is distinct from wanted.attnotnull
    from ({{ columns_of(relation) }}) as built
    full join ({{ columns_of(wanted) }}) as wanted using (attname)
    where built.type is distinct from wanted.type
    {%- if constraints %} or built.attnotnull <> wanted.attnotnull {%- endif %}
    order by wanted.attnum
  {% endset %}
  {% set columns = run_query(differing).rows %}
  {% if query is not none %}
    {% do run_query('drop view pg_temp.wanted_columns') %}
  {% endif %}
  {% if not columns %}
    {{ return('') }}
  {% endif %}

  {% set changes, leaving, outcomes = [], {}, ['altered'] %}
  {% for name, number, type, is_other, is_required, is_other_in_null in columns %}
    {% set is_required = is_required and constraints %}
    {% if number is none %}
      {% do changes.append('add column ' ~ name ~ ' ' ~ type
          ~ (' not null' if is_required else '')) %}
    {% elif type is none %}
      {% do changes.append('drop column ' ~ name) %}
    {% elif is_other %}
      {% do changes.append('alter column ' ~ name ~ ' type ' ~ type ~ ' using null') %}
    {% endif %}
    {% if number is not none and type is not none and constraints and is_other_in_null %}
      {% do changes.append('alter column ' ~ name
          ~ (' set' if is_required else ' drop') ~ ' not null') %}
    {% endif %}
    {% if number is not none and is_other %}
      {% do leaving.update({number: name}) %}
    {% endif %}
    {% if is_required or (number is not none and type is not none and is_other) %}
      {% do outcomes.append('emptied') %}
    {% endif %}
  {% endfor %}

  {% set statements = statements_that_free(relation, leaving) if leaving else [] %}
  {% do statements.append('lock table ' ~ relation ~ ' in access exclusive mode') %}
  {% if outcomes[-1] == 'emptied' %}
    {% do statements.append('truncate ' ~ relation) %}
  {% endif %}
  {% do statements.append('alter table ' ~ relation ~ ' ' ~ changes | join(', ')) %}
  {% do adapter.execute_patiently(statements) %}
  {{ return(outcomes[-1]) }}
{% endmacro %}
