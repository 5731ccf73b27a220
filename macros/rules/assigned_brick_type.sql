{#- The brick type that the line is assigned to make at a moment of the day, of `device_days`;
    NULL without an assignment. -#}
{% macro assigned_brick_type(moment) -%}
    (
        select brick_type from unnest(
            device_days.assigned_brick_types, device_days.assigned_from,
            device_days.assigned_until
        ) as assigned (brick_type, starts_at, ends_at)
        where {{ moment }} >= assigned.starts_at and {{ moment }} < assigned.ends_at
        order by assigned.starts_at desc limit 1
    )
{%- endmacro %}
