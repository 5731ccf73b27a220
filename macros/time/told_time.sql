{#- When something was, on the plant's clock, as one would say it: at a moment, from one to
    another, or since one. -#}
{% macro told_time(starts_at, ends_at, is_open) -%}
    {%- set zone = literal(var('plant_timezone')) -%}
    concat(
        case when {{ is_open }} then 'since ' end,
        to_char({{ starts_at }} at time zone {{ zone }}, 'YYYY-MM-DD HH24:MI'),
        case when not {{ is_open }} and {{ ends_at }} > {{ starts_at }} then concat(
            ' to ', to_char({{ ends_at }} at time zone {{ zone }}, 'HH24:MI'),
            ' (', {{ in_words(ends_at ~ ' - ' ~ starts_at) }}, ')'
        ) end
    )
{%- endmacro %}
