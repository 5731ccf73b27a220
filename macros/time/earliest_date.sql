{#- No device of the plant measured anything before this date. -#}
{% macro earliest_date() -%} date {{ literal(var('default_commissioned_on')) }} {%- endmacro %}
