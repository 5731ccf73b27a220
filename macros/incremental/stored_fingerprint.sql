{#- The fingerprint a model's rows of a device-day carry, NULL where it has none. A
    scalar subquery: the planner must not turn it into a scan of the whole table. -#}
{% macro stored_fingerprint(relation, date, node=none) -%}
    (
        select built.fingerprint
        from (select * from {{ relation }}) as built
        where {{ is_of_the_day('built', 'days', date, node) }}
        limit 1
    )
{%- endmacro %}
