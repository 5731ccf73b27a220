{#- A message's final verdict from its own one and its rank among the readings of the
    same device and moment: the first ranked stays, its equals are duplicates. -#}
{% macro verdict(same_as_survivor) -%}
    case
        when own_verdict not in ('reading', 'health') then 'rejected'
        when own_verdict = 'health' or moment_rank = 1 then own_verdict
        when {{ same_as_survivor }} then 'duplicate'
        else 'rejected'
    end
{%- endmacro %}
