{#- The start of the bucket of var `bucket_minutes`, counted on the plant's clock, that a
    moment lies in. -#}
{% macro bucket_start(moment) -%}
    date_bin(
        interval {{ literal(var('bucket_minutes') ~ ' minutes') }}, {{ moment }},
        {{ local_moment("date '2000-01-01'", "time '00:00'") }}
    )
{%- endmacro %}
