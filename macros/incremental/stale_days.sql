{#- The device-days whose rows the next run will rebuild, model by model, with the reason:
    what `forget_stale_days` deletes, and what is missing. The ledger itself is not among
    the models; what it has not seen is not stale yet. -#}
{% macro stale_days() -%}
    {%- set queries = [] -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model'
        and node.config.meta.get('built_from') and node.name != 'int_message_days' -%}
        {%- set built = load_relation(ref(node.name)) -%}
        {%- set days = ref(days_of(node)) -%}
        {%- set query -%}
select
    '{{ node.name }}' as model,
    days.device_id,
    days.production_date,
    case
        when days.built_as is null then 'not built yet'
        when left(days.built_as, 8) <> left(days.wanted, 8)
            then 'the code of the model, or a var in it, has changed'
        when substr(days.built_as, 10, 8) <> substr(days.wanted, 10, 8)
            then 'a setting has changed'
        else 'what it is built from has changed'
    end as reason
from (
    select
        days.device_id,
        days.production_date,
        {% if built -%}
        {{ stored_fingerprint(built, 'days.production_date', node) }}
        {%- else -%} null
        {%- endif %}::text as built_as,
        {{ fingerprint(node) }}::text as wanted,
        {{ node.config.meta.get('builds_days_with', 'true') }} as has_rows
    from (select * from {{ days }}) as days
    where {{ is_of_the_domain(node) }}
        {%- if node.config.meta.get('reads_raw') %}
        and not days.is_expired
        {%- endif %}
    offset 0
) as days
where days.built_as <> days.wanted
    or (days.built_as is null and days.has_rows)
        {%- endset -%}
        {%- do queries.append(query) -%}
    {%- endfor -%}
    {{ return(queries | join('\nunion all\n')) }}
{%- endmacro %}


{#- The days a model is built by: those its pre-hook compares. -#}
{% macro days_of(node) -%}
    {%- for name in ['device_day_inputs', 'device_days', 'int_message_days']
        if node.depends_on.nodes | select('equalto', 'model.brickworks.' ~ name) | list -%}
        {{ return(name) }}
    {%- endfor -%}
{%- endmacro %}


{% macro print_stale_days() -%}
    {%- do print(stale_days()) -%}
{%- endmacro %}
