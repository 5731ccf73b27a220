{#- What decides under which day a device's message is filed. The ledger's rows carry it:
    under another calendar their messages belong to other days. A device of the
    default date has the same one as a device that is not registered. -#}
{% macro calendar_version(commissioned_on) -%}
    md5(concat_ws(
        ' ', {% for name in ['plant_timezone', 'production_day_starts_at',
            'default_commissioned_on', 'clock_ahead_tolerance'] -%}
        {{ literal(var(name)) }}, {% endfor -%}
        nullif({{ commissioned_on }}, {{ earliest_date() }}) - date '2000-01-01'
    ))::uuid
{%- endmacro %}
