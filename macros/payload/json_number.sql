{#- A JSON value as numeric: a JSON number or a numeric string; anything else
    (true, an object, "NaN", "12 pcs") is NULL. The string is kept short because
    numeric itself overflows beyond 131,072 digits and payloads are hostile. Equal
    numbers are written alike: 15.40 as 15.4. -#}
{% macro json_number(value) -%}
    trim_scale(case jsonb_typeof({{ value }})
        when 'number' then cast({{ value }} as numeric)
        when 'string' then case
            when {{ value }} #>> '{}' ~ '^\s*[-+]?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][-+]?[0-9]{1,2})?\s*$'
                then cast({{ value }} #>> '{}' as numeric)
        end
    end)
{%- endmacro %}
