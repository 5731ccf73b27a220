{#- Which of the devices at a position: what follows the last dash, '00' without one. -#}
{% macro device_number(device_id) -%}
    coalesce(substring({{ device_id }} from '-([^-]*)$'), '00')
{%- endmacro %}
