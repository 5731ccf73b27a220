{#- What a machine did in a step. Where the counter leapt or fell, no piece does not mean
    that none came: that is not known, and no stop. -#}
{% macro step_state() -%}
    case
        when is_gap or (count_increment = 0 and hides_pieces) then 'unobserved'
        when count_increment = 0 then 'stopped'
        when count_increment * 3600
            < {{ var('slow_share') }} * ideal_rate_per_hour * seconds then 'slow'
        else 'running'
    end
{%- endmacro %}
