{#- What has to run before a relation, or columns of it, can go: each view of this project
    that reads them, and that this run comes to later, gets a stand-in, which keeps its
    grants and what others have built on it. What else depends on them is in the way. -#}
{% macro statements_that_free(relation, columns=none) %}
  {% set dependents %}
    select distinct
        nspname,
        relname,
        relkind = 'v',
        coalesce(
            case relkind when 'm' then 'materialized view ' else 'view ' end
            || format('%I.%I', nspname, relname),
            pg_describe_object(classid, objid, objsubid)
        ) as name
    from pg_depend
    left join pg_rewrite
        on classid = 'pg_rewrite'::regclass and objid = pg_rewrite.oid
    left join pg_class on ev_class = pg_class.oid
    left join pg_namespace on relnamespace = pg_namespace.oid
    where deptype = 'n'
        and ev_class is distinct from '{{ relation }}'::regclass
        {% if columns is not none -%}
        and refclassid = 'pg_class'::regclass
        and refobjid = '{{ relation }}'::regclass
        and refobjsubid in ({{ columns | join(', ') }})
        {%- else -%}
        and (refclassid, refobjid) in (
            select class, object
            from pg_class as built
            cross join lateral (values
                ('pg_class'::regclass, built.oid), ('pg_type'::regclass, built.reltype)
            ) as part (class, object)
            where built.oid = '{{ relation }}'::regclass
        )
        {%- endif %}
    order by name
  {% endset %}
  {% set statements, ours, others = [], [], [] %}
  {% for schema, identifier, is_view, name in run_query(dependents).rows %}
    {% set models = graph.nodes.values()
        | selectattr('schema', 'equalto', schema)
        | selectattr('alias', 'equalto', identifier)
        | selectattr('resource_type', 'equalto', 'model')
        | rejectattr('config.materialized', 'equalto', 'ephemeral')
        | map(attribute='unique_id') | list %}
    {% if not (is_view and models) %}
      {% do others.append(name) %}
    {% elif models[0] not in selected_resources %}
      {% do ours.append(name) %}
    {% else %}
      {% set view = api.Relation.create(
          database=relation.database, schema=schema, identifier=identifier) %}
      {#- In its place until the run comes to it: its columns, nothing that it reads, and
          for who asks it a sentence, where no rows would look like an answer. #}
      {% do statements.append(run_query(
          "select format('create or replace view %s as select %s where (select %L)::boolean',"
          ~ " '" ~ view ~ "'::text, string_agg(format('null::%s as %I', type, attname), ', '"
          ~ " order by attnum), '" ~ view.schema ~ "." ~ view.identifier
          ~ " is being made anew; should it stay so, run dbt build')"
          ~ " from (" ~ columns_of(view) ~ ") as columns"
      ).rows[0][0]) %}
      {% do adapter.forget_model(models[0]) %}
    {% endif %}
  {% endfor %}
  {% if ours or others %}
    {% set what = 'the column ' ~ columns.values() | join(', ') ~ ' of ' if columns else '' %}
    {% set todo = [] %}
    {% if others %}
      {% do todo.append('drop or change ' ~ others | join(', ')) %}
    {% endif %}
    {% if ours %}
      {% do todo.append('select ' ~ ours | join(', ')
          ~ ' too (`--select ' ~ model.name ~ '+`)') %}
    {% endif %}
    {% do exceptions.raise_compiler_error(
        'This build replaces ' ~ what ~ relation ~ ', and ' ~ (others + ours) | join(', ')
        ~ (' depend' if (others + ours) | length > 1 else ' depends') ~ ' on it: '
        ~ todo | join(', ') ~ ', and build again.'
    ) %}
  {% endif %}
  {{ return(statements) }}
{% endmacro %}
