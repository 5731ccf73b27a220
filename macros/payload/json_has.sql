{#- Whether the name occurs at all in one of the places, be it with a null. -#}
{% macro json_has(payload, name, places=var('payload_places')) -%}
    (
        {{ payload }} ? {{ literal(name) }}
        {%- for place in places %}
        or coalesce({{ payload }} -> {{ literal(place) }} ? {{ literal(name) }}, false)
        {%- endfor %}
    )
{%- endmacro %}
