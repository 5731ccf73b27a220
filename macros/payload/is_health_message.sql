{#- A message of known shape that carries no measurement: it tells of the device itself.
    A message that names its measurement, be it with a null, is a broken reading. -#}
{% macro is_health_message(required_field, health_fields=var('health_fields')) -%}
    (
        not (
            payload ? {{ literal(required_field) }}
            {%- for place in var('payload_places') %}
            or coalesce(
                payload -> {{ literal(place) }} ? {{ literal(required_field) }}, false
            )
            {%- endfor %}
        )
        and {{ json_first('payload', health_fields) }} is not null
    )
{%- endmacro %}
