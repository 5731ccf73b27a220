{#- The steps a day's slices depend on, as a subquery: its own, those of other days that
    are as near to it as a micro-stop is long, and beyond these one that may lend and one
    that says at what pace. Each part is a look-up in the index, however long the day. -#}
{% macro steps_about(day, with_own=true) -%}
    {%- set day_starts_at = local_moment(day ~ '.production_date', day_start()) -%}
    {%- set day_ends_at = local_moment('(' ~ day ~ '.production_date + 1)', day_start()) -%}
    {%- set length -%} interval '1 second' * {{ var('downtime_from_seconds') }} {%- endset -%}
    (
        {%- for condition in [
            'production_date = ' ~ day ~ '.production_date' if with_own else 'false',
            'ends_at > ' ~ day_starts_at ~ ' - ' ~ length
            ~ ' and ends_at < ' ~ day_starts_at,
            'ends_at >= ' ~ day_ends_at ~ ' and ends_at < ' ~ day_ends_at ~ ' + ' ~ length,
            'ends_at <= ' ~ day_starts_at ~ ' - ' ~ length
            ~ ' order by ends_at desc limit 2',
            'ends_at >= ' ~ day_ends_at ~ ' + ' ~ length ~ ' order by ends_at limit 3',
        ] %}
        {{ 'union all' if not loop.first }}
        (
            select *
            from (select * from {{ ref('int_brick_steps') }}) as steps
            where device_id = {{ day }}.device_id and {{ condition }}
        )
        {%- endfor %}
    )
{%- endmacro %}
