{#- A payload as it was meant: some come as JSON in a text. -#}
{% macro unwrapped(data) -%}
    case
        when jsonb_typeof({{ data }}) = 'string'
            then {{ function_name('try_jsonb') }}({{ data }} #>> '{}')
        else {{ data }}
    end
{%- endmacro %}
