{#- Prints a query of the device-days whose rows the next run will rebuild, model by model,
    with the reason. What the ledger has not seen is not stale yet.

    `versions`: of each model its code's version and the columns of the days it imports;
    they are in the compiled code, which only a compilation has. -#}
{% macro print_stale_days(versions) -%}
    {%- set queries = [] -%}
    {%- for node in graph.nodes.values() if node.name in versions -%}
        {%- set stored = load_relation(api.Relation.create(
            database=node.database, schema=node.schema, identifier=node.alias
        )) -%}
        {%- set query -%}
select
    '{{ node.name }}' as model,
    device_id,
    production_date,
    case
        when built.fingerprint is null then 'not built yet'
        when wanted.fingerprint is null then 'it is a day no longer'
        when built.code_version <> wanted.code_version
            then 'the code of the model, or a var in it, has changed'
        when built.settings_version <> wanted.settings_version
            then 'a setting has changed'
        else 'what it is built from has changed'
    end as reason
from ({{ wanted_days(node, versions[node.name].columns, versions[node.name].version) }}) as wanted
full join (
    select
        sensor_type, device_id, production_date,
        code_version, settings_version, fingerprint
    from {{ builds() }}
    where model = '{{ node.name }}'{% if not stored %} and false{% endif %}
) as built using (sensor_type, device_id, production_date)
where wanted.fingerprint is distinct from built.fingerprint
        {%- endset -%}
        {%- do queries.append(query) -%}
    {%- endfor -%}
    {%- do print(queries | join('\nunion all\n')) -%}
{%- endmacro %}
