{#- How far the plant's present has come on a day, the same in every session's clock. -#}
{% macro present_of_the_day() -%} extract(epoch from days.present_of_the_day) {%- endmacro %}
