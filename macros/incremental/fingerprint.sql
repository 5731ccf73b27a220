{#- The fingerprint of everything the rows of a device-day are built from: the model's
    code and, as its config says under meta.built_from, what its upstream has built.
    An entry is a column of the day itself; a pair of a model and the date of its day
    that is read, or `the trailing window` (var `window_days`, or a third element); or
    the call of a macro for what is read of a neighbouring day, where the fingerprint of
    that whole day would say too much. The alias is `days`.

    Of the uuid's 32 digits the first 8 are the code's and the next 8 those of the
    settings, so that `brickworks status` can tell what has changed; the other 16 are
    those of everything. -#}
{% macro fingerprint(node=none) -%}
    {%- set version = adapter.code_version(node or model) -%}
    {%- set settings, parts = [], [] -%}
    {%- for part in day_settings(node).get('built_from', []) -%}
        {%- if part is not string and part[1] == 'the trailing window' -%}
            {%- for day in range((part[2] or var('window_days')) + 1) -%}
                {%- set date = 'days.production_date - ' ~ day -%}
                {%- do parts.append(stored_fingerprint(ref(part[0]), date, node)) -%}
            {%- endfor -%}
        {%- elif part is not string -%}
            {%- set date = 'days.' ~ part[1] -%}
            {%- do parts.append(stored_fingerprint(ref(part[0]), date, node)) -%}
        {%- elif part in setting_parts() -%}
            {%- do settings.append(part_of_the_day(part)) -%}
        {%- else -%}
            {%- do parts.append(part_of_the_day(part)) -%}
        {%- endif -%}
    {%- endfor -%}
    (
        {#- Materialized: the planner would write the settings out twice. #}
        with decided as materialized (
            select md5(row({{ settings | join(', ') }})::text) as settings_hash
        )

        select (
            {{ "'" ~ version[:8] ~ "'" }}
            || left(decided.settings_hash, 8)
            || left(md5(row({{
                (["'" ~ version ~ "'", 'decided.settings_hash'] + parts) | join(', ')
            }})::text), 16)
        )::uuid
        from decided
    )
{%- endmacro %}


{#- What meta.built_from names of the day itself: a column, or a macro's expression. -#}
{% macro part_of_the_day(part) -%}
    {%- if part.endswith('()') -%}{{ context[part[:-2]]() }}
    {%- else -%}days.{{ part }}
    {%- endif -%}
{%- endmacro %}


{#- The parts that people decide, not machines. -#}
{% macro setting_parts() -%}
    {{ return([
        'settings', 'commissioned_on', 'thresholds_of_the_day()',
        'planned_stops_of_the_day()', 'assignments_of_the_day()',
        'metrics_of_machines()', 'running_of_the_day()', 'machine_limits_of_the_day()',
    ]) }}
{%- endmacro %}
