{#- A numeric setting of a device: its registry row's, or the default of an unregistered
    device, var `default_<setting>`. -#}
{% macro device_setting(setting, registry='device_registry') -%}
    coalesce({{ registry }}.{{ setting }}, {{ var('default_' ~ setting) }})::numeric
{%- endmacro %}
