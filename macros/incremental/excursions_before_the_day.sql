{#- What a day's increments read of the excursions before it, as one text. -#}
{% macro excursions_before_the_day() -%}
    (
        select string_agg(
            concat_ws(
                ' ', extract(epoch from starts_at), extract(epoch from ends_at), excursion
            ),
            ',' order by starts_at, excursion
        )
        from (select * from {{ ref('int_brick_excursions') }}) as before
        where before.device_id = days.device_id
            and before.production_date < days.production_date
            and before.production_date >= {{ production_date('days.reads_from') }}
            and before.ends_at > days.reads_from
    )
{%- endmacro %}
