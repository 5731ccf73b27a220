{#- How far the clock inside a payload runs ahead of the message's own time. A subquery
    with a fence, so that the text is taken out of the payload once. -#}
{% macro clock_offset_seconds(payload, event_at) -%}
    (
        select extract(
            epoch from {{ payload_clock('clock.iso_text') }} - {{ event_at }}
        )
        from (
            select {{ json_text(
                json_first(payload, ['ts', 'timestamp'], places=[])
            ) }} as iso_text
            where true offset 0
        ) as clock
    )
{%- endmacro %}
