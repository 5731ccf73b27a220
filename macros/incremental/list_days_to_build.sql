{#- Second pre-hook of an incremental Python model: the days it has to build, with their
    fingerprints, in pg_temp.days_to_build. What it reads later can only be newer than
    the fingerprint says, and then the next run builds the day again. -#}
{% macro list_days_to_build(days) -%}
    create temporary table days_to_build on commit drop as
    select days.*, {{ fingerprint() }} as day_fingerprint
    from (select * from {{ days }}) as days
    where {{ is_of_the_domain() }} and {{ is_unbuilt() }}
{%- endmacro %}
