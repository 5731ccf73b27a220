{#- The metrics a payload holds, as a SELECT of one row for a lateral join: metrics (a JSON
    object of name and number), names_a_metric (be it with a null), and metric_flags. The
    first value found counts, place by place and name by name as in json_first. A number
    is kept to twelve decimals, what a double precision holds of it. -#}
{% macro measured_metrics(payload, known_names) -%}
    {%- set low, high = var('payload_ranges')['metric'] -%}
    (
        select
            coalesce(
                jsonb_object_agg(metric, number) filter (where number is not null), '{}'
            ) as metrics,
            count(*) > 0 as names_a_metric,
            coalesce(array_agg(flag || '_' || metric order by metric)
                filter (where flag is not null), '{}') as metric_flags
        from (
            select
                metric,
                number,
                case
                    when value <> 'null' and number is null then 'bad'
                    when jsonb_typeof(value) = 'string' then 'coerced'
                end as flag
            from (
                select distinct on (known.metric)
                    known.metric,
                    fields.value,
                    case
                        when {{ json_number('fields.value') }}
                            between coalesce(known.low, {{ low }})
                            and coalesce(known.high, {{ high }})
                            then trim_scale(round({{ json_number('fields.value') }}, 12))
                    end as number
                from (
                    {%- for place in [none] + var('payload_places') %}
                    {{ 'union all' if not loop.first }}
                    {%- set object = payload ~ (" -> '" ~ place ~ "'" if place else '') %}
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
