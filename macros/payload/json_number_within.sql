{#- Field salvage: an optional field's number where it lies in the legal range of
    var `payload_ranges`, and is whole where the range is one of counts; else NULL. The
    reading itself stays. A subquery with a fence, so that a text is read once. -#}
{% macro json_number_within(value, field) -%}
    {%- set low, high = var('payload_ranges')[field] -%}
    (
        select case
            when number between {{ low }} and {{ high }}
                {%- if field.endswith('_count') %}
                and number = trunc(number)
                {%- endif %}
                then {{ plain_number('number') }}
        end
        from (select {{ json_number(value) }} as number where true offset 0) as parsed
    )
{%- endmacro %}
