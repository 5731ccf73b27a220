{#- A number to twelve decimals, what a double precision holds of it: JSON may have
    thousands. Equal numbers are written alike: 15.40 as 15.4. -#}
{% macro plain_number(number) -%} trim_scale(round({{ number }}, 12)) {%- endmacro %}
