{#- What puts another relation into the place of one that stands: as patient a step as any,
    because who reads the old one is in the way. Others may do with it, and with those of
    its columns that both have, what they might before. -#}
{% macro statements_that_replace(relation, wanted, create) %}
  {% set statements = statements_that_free(relation) %}
  {% set grants %}
    select format(
        'grant %s%s on %s to %s%s',
        privilege_type,
        ' (' || quote_ident(column_name) || ')',
        '{{ relation }}',
        case when grantee = 0 then 'public' else grantee::regrole::text end,
        case when is_grantable then ' with grant option' end
    )
    from (
        select null as column_name, relowner, held.*
        from pg_class
        cross join lateral aclexplode(relacl) as held
        where pg_class.oid = '{{ relation }}'::regclass
        union all
        select attname, relowner, held.*
        from pg_class
        inner join pg_attribute on attrelid = pg_class.oid and not attisdropped
        cross join lateral aclexplode(attacl) as held
        where pg_class.oid = '{{ relation }}'::regclass
            and attname in (select attname from ({{ columns_of(wanted) }}) as columns)
    ) as granted
    where grantee <> relowner
  {% endset %}
  {{ return(
      statements
      + ['drop ' ~ relation.type | replace('_', ' ') ~ ' ' ~ relation, create]
      + run_query(grants).columns[0].values() | list
  ) }}
{% endmacro %}
