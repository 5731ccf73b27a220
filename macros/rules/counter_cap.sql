{#- The most pieces a counter can honestly gain in so many seconds: a quarter above its
    physical rate, plus three for rounding at either end. -#}
{% macro counter_cap(max_rate_per_hour, seconds) -%}
    (
        ceil({{ max_rate_per_hour }} * {{ seconds }} * {{ var('cap_headroom') }} / 3600)
        + {{ var('cap_pieces') }}
    )
{%- endmacro %}
