{#- A JSON value as a text: that of a string, number or boolean, cut at a thousand
    characters; of an object or an array the name of its type, because its own text may be
    as long as the payload, and longer once it is escaped. -#}
{% macro json_text(value) -%}
    case
        when jsonb_typeof({{ value }}) in ('object', 'array')
            then jsonb_typeof({{ value }})
        else left({{ value }} #>> '{}', 1000)
    end
{%- endmacro %}
