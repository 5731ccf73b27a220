{#- A view in the place of another until the run comes to that: its columns, nothing that
    it reads, and for who asks it a sentence, where no rows would look like an answer. -#}
{% macro stand_in(view) %}
  {{ return(run_query(
      "select format('create or replace view %s as select %s where (select %L)::boolean',"
      ~ " '" ~ view ~ "'::text, string_agg(format('null::%s as %I', type, attname), ', '"
      ~ " order by attnum), '" ~ view.schema ~ "." ~ view.identifier
      ~ " is being made anew; should it stay so, run dbt build')"
      ~ " from (" ~ columns_of(view) ~ ") as columns"
  ).rows[0][0]) }}
{% endmacro %}
