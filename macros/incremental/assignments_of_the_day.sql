{#- What the day's line was assigned to make, and when within the day, as one text. -#}
{% macro assignments_of_the_day() -%}
    {%- set starts_at = local_moment('days.production_date', day_start()) -%}
    {%- set ends_at = local_moment('(days.production_date + 1)', day_start()) -%}
    (
        select string_agg(
            row(
                assigned.brick_type,
                greatest(extract(epoch from assigned.started_at - {{ starts_at }}), 0),
                case
                    when assigned.stopped_at < {{ ends_at }}
                        then extract(epoch from assigned.stopped_at - {{ starts_at }})
                end
            )::text, ',' order by assigned.started_at
        )
        from (select * from {{ ref('line_assignments') }}) as assigned
        where {{ is_of_the_line('assigned') }}
            and assigned.started_at < {{ ends_at }}
            and coalesce(assigned.stopped_at > {{ starts_at }}, true)
    )
{%- endmacro %}
