{#- What a day's slices read of the steps of other days, as one text. -#}
{% macro steps_about_the_day() -%}
    (
        select string_agg(
            row(
                extract(epoch from steps.starts_at), extract(epoch from steps.ends_at),
                steps.first_measurement_id, steps.last_measurement_id,
                steps.count_increment, steps.error_increment, steps.state, steps.is_gap
            )::text, ',' order by steps.ends_at
        )
        from {{ steps_about('days', with_own=false) }} as steps
    )
{%- endmacro %}
