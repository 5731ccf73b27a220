{#- The planned stops of the line that hold on a day or a day beside it, as one text. -#}
{% macro planned_stops_of_the_day() -%}
    (
        select string_agg(stop, ',' order by stop)
        from (
            select row(
                planned.weekday, planned.starts_at, planned.ends_at,
                greatest(planned.valid_from - days.production_date, -1),
                least(planned.valid_to - days.production_date, 1)
            )::text as stop
            from (select * from {{ ref('planned_stops') }}) as planned
            where {{ is_of_the_line('planned') }}
                and planned.valid_from <= days.production_date + 1
                and coalesce(planned.valid_to >= days.production_date - 1, true)
        ) as stops
    )
{%- endmacro %}
