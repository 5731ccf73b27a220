{#- The moment a shift of a production date ends. -#}
{% macro shift_end(production_date, shift) -%}
    case
        when {{ shift }}.ends_at = {{ day_start() }}
            then {{ local_moment('(' ~ production_date ~ ' + 1)', shift ~ '.ends_at') }}
        else {{ local_moment(production_date, shift ~ '.ends_at') }}
    end
{%- endmacro %}
