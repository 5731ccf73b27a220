{#- When a reading's value ceases to hold: at the next reading, or when it has lasted as
    long as a value may. The last reading of all holds no time: facts end there. -#}
{% macro holds_until(next_reading_at, expected_interval_seconds) -%}
    least(
        coalesce({{ next_reading_at }}, event_at),
        event_at + make_interval(
            secs => ({{ var('hold_intervals') }} * {{ expected_interval_seconds }})::double precision
        )
    )
{%- endmacro %}
