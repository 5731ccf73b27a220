{#- Which of the equal buckets of its period a moment lies in, as hours from the period's
    start to the bucket's: var `trend_bucket_minutes` has their length by grain. -#}
{% macro trend_bucket(moment) -%}
    floor(
        extract(epoch from {{ moment }} - start_time) / 60
        / {{ trend_bucket_minutes() }}
    ) * {{ trend_bucket_minutes() }} / 60::double precision
{%- endmacro %}

{#- The length of a bucket of the row's grain, in minutes. -#}
{% macro trend_bucket_minutes() -%}
    case grain
        {%- for grain, minutes in var('trend_bucket_minutes').items() %}
        when {{ literal(grain) }} then {{ minutes }}
        {%- endfor %}
    end
{%- endmacro %}
