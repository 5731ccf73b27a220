{#- A device's name in its one spelling, wherever it comes from. -#}
{% macro device_key(device_id) -%} {{ plain_id(device_id, 'upper') }} {%- endmacro %}
