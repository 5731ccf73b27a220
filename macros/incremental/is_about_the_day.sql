{#- True for the steps a day's slices depend on: those that reach into the day or are as
    near to it as a micro-stop is long, and two more on either side: one that may lend,
    and one that says at what pace. -#}
{% macro is_about_the_day(steps, day) -%}
    {%- set length -%} interval '1 second' * {{ var('downtime_from_seconds') }} {%- endset -%}
    {{ steps }}.device_id = {{ day }}.device_id
    and {{ steps }}.ends_at >= coalesce(
        (
            select earlier.ends_at
            from (select * from {{ ref('int_brick_steps') }}) as earlier
            where earlier.device_id = {{ day }}.device_id
                and earlier.ends_at <= {{ local_moment(
                    day ~ '.production_date', day_start()
                ) }} - {{ length }}
            order by earlier.ends_at desc
            limit 1
            offset 1
        ), '-infinity'
    )
    and {{ steps }}.ends_at <= coalesce(
        (
            select later.ends_at
            from (select * from {{ ref('int_brick_steps') }}) as later
            where later.device_id = {{ day }}.device_id
                and later.ends_at >= {{ local_moment(
                    '(' ~ day ~ '.production_date + 1)', day_start()
                ) }} + {{ length }}
            order by later.ends_at
            limit 1
            offset 2
        ), 'infinity'
    )
{%- endmacro %}
