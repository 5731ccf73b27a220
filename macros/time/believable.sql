{#- A moment where it can be one, else NULL. Nothing may be added to a time before it has
    been looked at: the type has edges, and infinities. -#}
{% macro believable(moment, earliest) -%}
    case
        when {{ moment }} >= {{ earliest }}
            and {{ moment }} < timestamptz '9999-01-01 00:00+00' then {{ moment }}
    end
{%- endmacro %}
