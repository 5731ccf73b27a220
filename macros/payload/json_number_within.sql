{#- Field salvage: an optional field's number where it lies in the legal range of
    var `payload_ranges`, else NULL; the reading itself stays. -#}
{% macro json_number_within(value, field) -%}
    {%- set low, high = var('payload_ranges')[field] -%}
    case
        when {{ json_number(value) }} between {{ low }} and {{ high }}
            then {{ json_number(value) }}
    end
{%- endmacro %}
