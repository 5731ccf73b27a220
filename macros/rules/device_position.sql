{#- Where a device stands: its id up to the last dash (SAU-ME-01 stands at SAU-ME). -#}
{% macro device_position(device_id) -%}
    regexp_replace({{ device_id }}, '-[^-]*$', '')
{%- endmacro %}
