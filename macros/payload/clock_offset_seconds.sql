{#- How far the clock inside a payload runs ahead of the message's own time. -#}
{% macro clock_offset_seconds(payload, event_at) -%}
    extract(epoch from
        {{ payload_clock("coalesce(" ~ payload ~ " ->> 'ts', " ~ payload ~ " ->> 'timestamp')") }}
        - {{ event_at }}
    )
{%- endmacro %}
