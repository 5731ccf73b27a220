{#- A payload as it was meant: some come as JSON in a text. A message is short: a longer
    text isn't tried, because one that is no JSON after all, or nested without end, would
    cost as much as a thousand messages. -#}
{% macro unwrapped(data) -%}
    case
        when jsonb_typeof({{ data }}) <> 'string' then {{ data }}
        when octet_length({{ data }} #>> '{}') <= 10000
            then {{ function_name('try_jsonb') }}({{ data }} #>> '{}')
    end
{%- endmacro %}
