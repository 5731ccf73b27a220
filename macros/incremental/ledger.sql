{#- int_message_days as it stands, for what it is itself made from: a ref would be a
    circle. -#}
{% macro ledger() -%}
    {{ return(api.Relation.create(
        database=target.database,
        schema=generate_schema_name(none, {'name': 'int_message_days'}) | trim,
        identifier='int_message_days',
        type='table'
    )) }}
{%- endmacro %}
