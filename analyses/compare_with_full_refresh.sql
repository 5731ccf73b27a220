-- One row per table of device-days: how many of its rows a full refresh would not make,
-- and how many rows of a full refresh it lacks. All zeros, or there is a bug to report.
--
-- Build everything anew beside, in schemas of another name, while no messages come in:
--   BRICKWORKS_DB_SCHEMA=fresh .venv/bin/dbt build --full-refresh
--   .venv/bin/dbt show -s compare_with_full_refresh --limit 99
-- and drop fresh, fresh_intermediate and fresh_staging. Var fresh_schema: another name.
--
-- Left out is what no full refresh can know: days whose raw messages are gone.
{%- set tables = [] -%}
{%- for node in graph.nodes.values() if node.resource_type == 'model'
    and (node.config.materialized == 'device_day'
    or node.name in ('int_message_days', 'device_days')) -%}
    {%- do tables.append(node) -%}
{%- endfor -%}
{%- for node in tables | sort(attribute='name') %}
{%- set fresh_schema = node.schema | replace(
    target.schema, var('fresh_schema', 'fresh') | replace('"', '""'), 1
) -%}
{%- set built = api.Relation.create(
    database=target.database, schema=node.schema, identifier=node.alias
) -%}
{%- set fresh = api.Relation.create(
    database=target.database, schema=fresh_schema, identifier=node.alias
) -%}
{%- set columns = [] -%}
{#- Metadata name the version of the code, in which the schemas' names stand. -#}
{%- for column in adapter.get_columns_in_relation(built)
    if column.name != 'metadata' -%}
    {%- do columns.append(adapter.quote(column.name)) -%}
{%- endfor -%}
{%- set rows -%}
    where production_date > coalesce(
        (select max(production_date) from {{ as_it_stands('int_message_days') }} where is_expired),
        '-infinity'
    )
{%- endset %}
{%- set of_built = 'select ' ~ columns | join(', ') ~ ' from ' ~ built ~ ' ' ~ rows %}
{%- set of_fresh = 'select ' ~ columns | join(', ') ~ ' from ' ~ fresh ~ ' ' ~ rows %}
{{ 'union all' if not loop.first }}
select
    '{{ node.name }}' as model,
    (select count(*) from ({{ of_built }} except all {{ of_fresh }}) as gone)
        as only_incremental,
    (select count(*) from ({{ of_fresh }} except all {{ of_built }}) as missing)
        as only_full_refresh
{%- endfor %}
