{#- The fingerprint a model's rows of a device-day carry, NULL where it has none. A
    scalar subquery: the planner must not turn it into a scan of the whole table. -#}
{% macro stored_fingerprint(relation, date) -%}
    (
        select built.fingerprint
        from {{ relation }} as built
        where built.device_id = days.device_id
            and built.production_date = {{ date }}
            {%- if (config.get('meta') or {}).get('of_one_sensor_type', true) is false %}
            and built.sensor_type = days.sensor_type
            {%- endif %}
        limit 1
    )
{%- endmacro %}
