{#- A query: the columns of a table or view, with all that makes two columns differ. -#}
{% macro columns_of(relation) -%}
    select
        attnum,
        attname,
        attnotnull,
        format_type(atttypid, atttypmod) || case
            when attcollation = typcollation then ''
            else ' collate ' || attcollation::regcollation::text
        end as type
    from pg_attribute
    inner join pg_type on pg_type.oid = atttypid
    where attrelid = '{{ relation }}'::regclass and attnum > 0 and not attisdropped
{%- endmacro %}
