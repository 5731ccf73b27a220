{#- The fingerprint of everything the rows of a device-day are built from: the model's
    code and, as its config says under meta.built_from, what its upstream has built.
    An entry is a column of the day itself, a pair of a model and the date of the day
    read from it, or one of the names below. The alias of the day is `days`. -#}
{% macro fingerprint() -%}
    md5(row(
        '{{ adapter.code_version(model) }}'
        {%- for part in (config.get('meta') or {}).get('built_from', []) -%}
        {%- if part == 'the staging model' -%}
            , {{ staged_fingerprint() }}
        {%- elif part == 'the thresholds' -%}
            , {{ thresholds_of_the_day() }}
        {%- elif part is string -%}
            , days.{{ part }}
        {%- elif part[1] == 'the trailing window' -%}
            {%- for day in range(var('window_days') + 1) -%}
            , {{ stored_fingerprint(ref(part[0]), 'days.production_date - ' ~ day) }}
            {%- endfor -%}
        {%- else -%}
            , {{ stored_fingerprint(ref(part[0]), 'days.' ~ part[1]) }}
        {%- endif -%}
        {%- endfor %}
    )::text)::uuid
{%- endmacro %}
