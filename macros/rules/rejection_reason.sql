{#- Why a message is rejected: what is wrong with itself, or that it contradicts the
    reading of the same moment that stays. NULL where it is not. -#}
{% macro rejection_reason(same_as_survivor) -%}
    case
        when own_verdict not in ('reading', 'health') then own_verdict
        when own_verdict = 'reading' and moment_rank > 1 and not ({{ same_as_survivor }})
            then 'conflicting_duplicate'
    end
{%- endmacro %}
