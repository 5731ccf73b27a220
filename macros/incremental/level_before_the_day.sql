{#- The counter's last level before a day. -#}
{% macro level_before_the_day() -%}
    (
        select count
        from (select * from {{ ref('int_brick_increments') }}) as before
        where before.device_id = days.device_id
            and before.event_at < {{ local_moment('days.production_date', day_start()) }}
            and before.is_level
        order by before.event_at desc
        limit 1
    )
{%- endmacro %}
