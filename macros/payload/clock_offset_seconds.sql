{#- How far the clock inside a payload runs ahead of the message's own time. Nearly every
    clock shows the second of the message, and is not parsed: nor is it in the hour that
    the end of summer time repeats. Else a subquery with a fence, so that the text is
    taken out of the payload once. -#}
{% macro clock_offset_seconds(payload, event_at) -%}
    {%- set clock = json_first(payload, ['ts', 'timestamp'], places=[]) -%}
    {%- set second = "date_trunc('second', " ~ event_at ~ ")" -%}
    case
        when {{ clock }} = to_jsonb(
            {{ second }} at time zone {{ literal(var('device_timezone')) }}
        ) then extract(epoch from {{ second }} - {{ event_at }})
        when {{ clock }} is not null then (
            select extract(
                epoch from {{ payload_clock('clock.iso_text') }} - {{ event_at }}
            )
            from (
                select {{ json_text(clock) }} as iso_text where true offset 0
            ) as clock
        )
    end
{%- endmacro %}
