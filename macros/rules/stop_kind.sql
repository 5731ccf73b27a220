{#- A stop's kind, from the length of the whole stop; other states stay as they are. -#}
{% macro stop_kind(state, run_seconds) -%}
    case
        when {{ state }} <> 'stopped' then {{ state }}
        when {{ run_seconds }} < {{ var('downtime_from_seconds') }} then 'micro_stop'
        else 'downtime'
    end
{%- endmacro %}
