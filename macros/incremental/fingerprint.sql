{#- The fingerprint of everything the rows of a device-day are built from: the model's
    code and, as its config says under meta.built_from, what its upstream has built.
    An entry is a column of the day itself; a pair of a model and the date of its day
    that is read; or the call of a macro for what is read of a neighbouring day, where
    the fingerprint of that whole day would say too much. The alias is `days`. -#}
{% macro fingerprint() -%}
    md5(row(
        '{{ adapter.code_version(model) }}'
        {%- for part in day_settings().get('built_from', []) -%}
        {%- if part is not string and part[1] == 'the trailing window' -%}
            {%- for day in range(var('window_days') + 1) -%}
            , {{ stored_fingerprint(ref(part[0]), 'days.production_date - ' ~ day) }}
            {%- endfor -%}
        {%- elif part is not string -%}
            , {{ stored_fingerprint(ref(part[0]), 'days.' ~ part[1]) }}
        {%- elif part.endswith('()') -%}
            , {{ context[part[:-2]]() }}
        {%- else -%}
            , days.{{ part }}
        {%- endif -%}
        {%- endfor %}
    )::text)::uuid
{%- endmacro %}
