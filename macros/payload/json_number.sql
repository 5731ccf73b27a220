{#- A JSON value as numeric: a JSON number or a numeric string; anything else
    (true, an object, "NaN", "12 pcs") is NULL. numeric overflows beyond 131,072 digits,
    and payloads are hostile: a text is a number only in ASCII digits, not too many of
    them. What is blank about it goes first, because a cast knows fewer blanks. -#}
{% macro json_number(value) -%}
    {%- set text = value ~ " #>> '{}'" -%}
    case jsonb_typeof({{ value }})
        when 'number' then cast({{ value }} as numeric)
        when 'string' then case
            when octet_length({{ text }}) <= 200 then cast(
                substring(
                    {{ without_blanks(text) }} from
                    '^[-+]?(?:[0-9]{1,30}(?:[.][0-9]{0,30})?|[.][0-9]{1,30})(?:[eE][-+]?[0-9]{1,2})?$'
                ) as numeric
            )
        end
    end
{%- endmacro %}
