{#- Numbers the shifts of a year: 1 is the first shift of 1 January. -#}
{% macro shift_number(production_date, shift) -%}
    (extract(doy from {{ production_date }})::integer - 1) * (
        select count(*)::integer from shifts as that_day
        where {{ production_date }} between that_day.valid_from
            and coalesce(that_day.valid_to, date 'infinity')
    ) + {{ shift }}.shift_index
{%- endmacro %}
