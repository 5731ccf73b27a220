{#- The metrics a payload holds, as a SELECT of one row for a lateral join: metrics (a JSON
    object of name and number), names_a_metric (be it with a null), and metric_flags. The
    first value found counts, place by place and name by name as in json_first. -#}
{% macro measured_metrics(payload, known_names) -%}
    {%- set low, high = var('payload_ranges')['metric'] -%}
    (
        select
            coalesce(
                jsonb_object_agg(metric, {{ plain_number('number') }})
                filter (where is_usable), '{}'
            ) as metrics,
            count(*) > 0 as names_a_metric,
            coalesce(array_agg(flag || '_' || metric order by metric)
                filter (where flag is not null), '{}') as metric_flags
        from (
            select
                metric,
                number,
                number between low and high as is_usable,
                case
                    when value <> 'null' and (number between low and high) is not true
                        then 'bad'
                    when jsonb_typeof(value) = 'string' then 'coerced'
                end as flag
            from (
                select distinct on (known.metric)
                    known.metric,
                    coalesce(known.low, {{ low }}) as low,
                    coalesce(known.high, {{ high }}) as high,
                    fields.value,
                    {{ json_number('fields.value') }} as number
                from (
                    {%- for place in [none] + var('payload_places') %}
                    {{ 'union all' if not loop.first }}
                    {%- set object = payload ~ (' -> ' ~ literal(place) if place else '') %}
                    select {{ loop.index if place else 99 }} as place, name, value
                    from jsonb_each(case jsonb_typeof({{ object }})
                        when 'object' then {{ object }} else '{}'
                    end) as field (name, value)
                    {%- endfor %}
                ) as fields
                inner join {{ known_names }} as known on known.name = fields.name
                order by
                    known.metric, fields.value = 'null', fields.place, known.preference
            ) as found
        ) as typed
    )
{%- endmacro %}
