{#- A counter that steps back by a piece or two and is back at once: no event at all. -#}
{% macro is_jitter() -%}
    (
        count - lag(count) over series between - {{ var('jitter_pieces') }} and -1
        and lead(count) over series >= lag(count) over series
        and lead(event_at) over series <= event_at + interval {{ literal(var('look_ahead')) }}
    )
{%- endmacro %}
