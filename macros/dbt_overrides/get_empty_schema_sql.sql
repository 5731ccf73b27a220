{#- dbt's own, without its warning of `numeric` that names no precision: PostgreSQL's
    keeps every digit then, and durations and sums need them all. -#}
{% macro postgres__get_empty_schema_sql(columns) -%}
    {%- set untyped, typed = [], [] -%}
    {%- for column in columns.values() -%}
        {%- if column['data_type'] is not defined -%}
            {%- do untyped.append(column['name']) -%}
        {%- else -%}
            {%- set name = adapter.quote(column['name'])
                if column.get('quote') else column['name'] -%}
            {%- do typed.append(cast('null', column['data_type']) ~ ' as ' ~ name) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if untyped -%}
        {{ exceptions.column_type_missing(column_names=untyped) }}
    {%- endif -%}
    select {{ typed | join(', ') }}
{%- endmacro %}
