{#- Field salvage: an optional field's number where it lies in the legal range of
    var `payload_ranges`, else NULL; the reading itself stays. -#}
{% macro json_number_within(value, field, is_whole=false) -%}
    {%- set low, high = var('payload_ranges')[field] -%}
    case
        when {{ json_number(value) }} between {{ low }} and {{ high }}
            {%- if is_whole %}
            and {{ json_number(value) }} = trunc({{ json_number(value) }})
            {%- endif %}
            then {{ json_number(value) }}
    end
{%- endmacro %}
