{#- A length of time as one would say it: 25 min, 2 h 5 min; seconds below a minute. -#}
{% macro in_words(length) -%}
    coalesce(
        nullif(concat_ws(
            ' ',
            nullif(floor(extract(epoch from ({{ length }})) / 3600), 0) || ' h',
            nullif(floor(extract(epoch from ({{ length }})) / 60)::bigint % 60, 0) || ' min'
        ), ''),
        round(extract(epoch from ({{ length }}))) || ' s'
    )
{%- endmacro %}
