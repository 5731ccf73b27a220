{#- Field salvage: an optional field's number where it lies in the legal range of
    var `payload_ranges`, and is whole where the range is one of counts; else NULL. The
    reading itself stays. -#}
{% macro json_number_within(value, field) -%}
    {%- set low, high = var('payload_ranges')[field] -%}
    case
        when {{ json_number(value) }} between {{ low }} and {{ high }}
            {%- if field.endswith('_count') %}
            and {{ json_number(value) }} = trunc({{ json_number(value) }})
            {%- endif %}
            then {{ json_number(value) }}
    end
{%- endmacro %}
