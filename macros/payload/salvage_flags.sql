{#- Names the optional fields that were there but unusable: a column <field>_value
    with a value whose typed column is NULL gives the flag bad_<field>. -#}
{% macro salvage_flags(typed_columns) -%}
    {%- for field, column in typed_columns.items() %}
    case
        when {{ field }}_value is not null and {{ column }} is null
            then 'bad_{{ field }}'
    end{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
