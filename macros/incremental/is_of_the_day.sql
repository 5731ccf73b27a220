{#- Joins a model's rows to a day. A domain's tables hold its sensor types only; where no
    domain is named under meta, or it has several types that one device may send
    (`keeps_sensor_types_apart`), the sensor type is part of the key. -#}
{% macro is_of_the_day(rows, day, date=none, node=none) -%}
    {{ rows }}.device_id = {{ day }}.device_id
    and {{ rows }}.production_date = {{ date or day ~ '.production_date' }}
    {%- set settings = day_settings(node) -%}
    {%- if not settings.get('domain') or settings.get('keeps_sensor_types_apart') %}
    and {{ rows }}.sensor_type = {{ day }}.sensor_type
    {%- endif %}
{%- endmacro %}
