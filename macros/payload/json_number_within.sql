{#- Field salvage: an optional field's number where it is legal, else NULL. The reading
    itself stays. Nearly every number is one in JSON, too; a text is read in a subquery
    with a fence, so that it is read once. -#}
{% macro json_number_within(value, field) -%}
    case jsonb_typeof({{ value }})
        when 'number' then {{ legal_number('cast(' ~ value ~ ' as numeric)', field) }}
        when 'string' then (
            select {{ legal_number('number', field) }}
            from (select {{ json_number(value) }} as number where true offset 0) as parsed
        )
    end
{%- endmacro %}

{#- A number where it lies in the legal range of var `payload_ranges`, and is whole where
    the range is one of counts. -#}
{% macro legal_number(number, field) -%}
    {%- set low, high = var('payload_ranges')[field] -%}
    case
        when {{ number }} between {{ low }} and {{ high }}
            {%- if field.endswith('_count') %}
            and {{ number }} = trunc({{ number }})
            {%- endif %}
            then {{ plain_number(number) }}
    end
{%- endmacro %}
