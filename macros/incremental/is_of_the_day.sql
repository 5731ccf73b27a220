{#- Joins a model's rows to a day. A domain's tables hold its sensor types only; where no
    domain is named under meta, the sensor type is part of the key. -#}
{% macro is_of_the_day(rows, day, date=none, node=none) -%}
    {{ rows }}.device_id = {{ day }}.device_id
    and {{ rows }}.production_date = {{ date or day ~ '.production_date' }}
    {%- if not day_settings(node).get('domain') %}
    and {{ rows }}.sensor_type = {{ day }}.sensor_type
    {%- endif %}
{%- endmacro %}
