{#- What a data test reads of its model. dbt's own macro, and besides: where var
    `test_days` is set, only that many of the newest production days. -#}
{% macro get_where_subquery(relation) -%}
    {%- set conditions = [] -%}
    {%- if config.get('where') -%}
        {%- do conditions.append(config.get('where')) -%}
    {%- endif -%}
    {%- set tested = graph.nodes.get(model.attached_node) if execute else none -%}
    {%- if var('test_days', none) is not none and tested
        and 'production_date' in tested.columns -%}
        {%- do conditions.append(
            'production_date > (select max(production_date) from '
            ~ as_it_stands('int_message_days') ~ ') - ' ~ var('test_days') | int
        ) -%}
    {%- endif -%}
    {%- if conditions -%}
        (select * from {{ relation }} where {{ conditions | join(' and ') }}) as tested
    {%- else -%}
        {{ relation }}
    {%- endif -%}
{%- endmacro %}
