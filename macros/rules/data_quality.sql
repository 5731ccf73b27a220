{#- How good the messages of a period are, as a SELECT of one row (data_quality_score,
    data_quality_reasons): the mean of its parts, columns of the row, that can be computed,
    weighted by var `data_quality_weights`; and the bad ones in words, the worst first. -#}
{% macro data_quality(parts) -%}
    (
        select
            round(sum(weight * part) / sum(weight), 4) as data_quality_score,
            string_agg(what || ' ' || round(part, 2), '; ' order by part, what)
                filter (where part < {{ var('data_quality_reason_below') }})
                as data_quality_reasons
        from (
            values
            {%- for part in parts %}
            ('{{ part }}', {{ part }}, {{ var('data_quality_weights')[part] }})
            {{- ',' if not loop.last }}
            {%- endfor %}
        ) as weighted (what, part, weight)
        where part is not null
    )
{%- endmacro %}
