{#- How long the stretches of a multirange of moments are together, in seconds. -#}
{% macro seconds_of(stretches) -%}
    (
        select coalesce(
            sum({{ seconds_between('lower(stretch)', 'upper(stretch)') }}), 0
        )
        from unnest({{ stretches }}) as stretch
    )
{%- endmacro %}
