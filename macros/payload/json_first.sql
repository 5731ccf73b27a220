{#- The first value present under any of the names, looked for in each place in turn:
    json_first('payload', ['error_count', 'error']) looks for both in each of the
    nested places of var `payload_places`, then at the top level. JSON null counts as absent. -#}
{% macro json_first(payload, names, places=var('payload_places')) -%}
    coalesce(
        {%- for place in places %}
        {%- for name in names %}
        nullif({{ payload }} -> {{ literal(place) }} -> {{ literal(name) }}, 'null'),
        {%- endfor %}
        {%- endfor %}
        {%- for name in names %}
        nullif({{ payload }} -> {{ literal(name) }}, 'null'){{ ',' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}
