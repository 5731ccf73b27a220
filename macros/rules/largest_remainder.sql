{#- A share of whole pieces by time: floors first, and the pieces left over go to the
    parts with the largest remainders, earlier ones first. Nothing lost or made up. -#}
{% macro largest_remainder(pieces, seconds, step_seconds) -%}
    {%- set share -%} {{ pieces }} * {{ seconds }} / {{ step_seconds }} {%- endset -%}
    floor({{ share }}) + case
        when {{ pieces }} > 0 and row_number() over (
            partition by step_id
            order by {{ share }} - floor({{ share }}) desc, part_starts_at
        ) <= {{ pieces }} - sum(floor({{ share }})) over (partition by step_id)
            then 1
        else 0
    end
{%- endmacro %}
