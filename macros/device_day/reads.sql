{#- The rows of a table that a day may read: its own and, as config `beside` says, those of
    other days that are in its fingerprint. For use in a lateral, or in its CTEs: names the
    day's alias. -#}
{% macro reads(table, day='device_days') -%}
    {%- set stored = ref(table) -%}
    {%- set is_unit_test = model.resource_type == 'unit_test' -%}
    {%- set built = adapter.device_day(model, var) if execute else none -%}
    {%- set reach = built.beside.get(table) if execute else none -%}
    {%- set has_types = execute and not is_unit_test
        and 'sensor_type' in built.named(table).columns -%}
    (
        /*[ reads {{ table }} {{ day }} ]*/
        {%- set own %}
        select stored.* from (select * from {{ stored }}) as stored
        where stored.device_id = {{ day }}.device_id
            {%- if has_types %}
            and stored.sensor_type = {{ day }}.sensor_type
            {%- elif is_unit_test %}
            and coalesce(to_jsonb(stored) ->> 'sensor_type', {{ day }}.sensor_type)
                = {{ day }}.sensor_type
            {%- endif %}
        {%- endset %}
        {{ own }}
        {%- if reach is none %}
            and stored.production_date = {{ day }}.production_date
        {%- elif reach is number %}
            and stored.production_date between {{ day }}.production_date - {{ reach }}
                and {{ day }}.production_date
        {%- elif is_unit_test %}
            {%- if reach == 'before' %}
            and stored.production_date <= {{ day }}.production_date
            {%- elif reach == 'after' %}
            and stored.production_date >= {{ day }}.production_date
            {%- endif %}
        {%- else %}
            and stored.production_date = {{ day }}.production_date
        union all
        select beside.*
        from unnest(array{{ built.numbers_of_borders(table) }}) as border
        cross join lateral (
            {{ own }}
                and stored.{{ built.border_of(table)['at'] }}
                    between {{ day }}.reads_beside[2 * border - 1]
                    and {{ day }}.reads_beside[2 * border]
                and stored.production_date <> {{ day }}.production_date
        ) as beside
        {%- endif %}
        /*[ end ]*/
    )
{%- endmacro %}


{#- The verdicts on a day's messages, whichever domain judged them. -#}
{% macro reads_verdicts(columns, day='device_days', but=none) -%}
    (
        /*[ verdicts {{ columns | sort | join(' ') }} ]*/
        {%- for name in staging_models() if name != but %}
        {{ 'union all' if not loop.first }}
        select {{ columns | join(', ') }} from {{ reads(name, day) }} as {{ name }}
        {%- endfor %}
        /*[ end ]*/
    )
{%- endmacro %}
