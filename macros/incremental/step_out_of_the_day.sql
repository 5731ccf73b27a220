{#- The step that leads out of a day: the first one that ends at or after its end. -#}
{% macro step_out_of_the_day() -%}
    (
        select concat_ws(
            ' ', measurement_id, previous_measurement_id, count_increment,
            error_increment, seconds_since_level, is_gap
        )
        from (select * from {{ ref('int_brick_increments') }}) as after
        where after.device_id = days.device_id
            and after.event_at >= {{ local_moment(
                '(days.production_date + 1)', day_start()
            ) }}
            and after.previous_level_at is not null
        order by after.event_at
        limit 1
    )
{%- endmacro %}
