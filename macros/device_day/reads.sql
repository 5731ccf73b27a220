{#- The rows of a table that a day may read: its own and, as config `beside` says, those of
    other days that are in its fingerprint. For use in a lateral, or in its CTEs: names the
    day's alias. -#}
{% macro reads(table, day='device_days') -%}
    {%- set stored = ref(table) -%}
    {%- set is_unit_test = model.resource_type == 'unit_test' -%}
    {%- set has_types = execute and not is_unit_test and 'sensor_type' in model_named(table).columns -%}
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
        {%- set reach = reach_of(beside_of_model().get(table)) -%}
        {%- if reach is none %}
            and stored.production_date = {{ day }}.production_date
        {%- elif not is_of_borders(reach) %}
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
        from unnest(array{{ numbers_of_borders(table) }}) as border
        cross join lateral (
            {{ own }}
                and stored.{{ border_of(table)['at'] if execute else 'production_date' }}
                    between {{ day }}.reads_beside[2 * border - 1]
                    and {{ day }}.reads_beside[2 * border]
                and stored.production_date <> {{ day }}.production_date
        ) as beside
        {%- endif %}
        /*[ end ]*/
    )
{%- endmacro %}


{#- How far config `beside` says to read: before, after, both, or a number of days before.
    These may be named by a var; of a mapping its `days` count, with the day itself. -#}
{% macro reach_of(said) -%}
    {%- if not said or said is number or is_of_borders(said) -%}
        {{ return(said or none) }}
    {%- endif -%}
    {%- set days = var(said) -%}
    {{ return(days.days - 1 if days is mapping else days) }}
{%- endmacro %}


{#- Whether rows near the border of the day are read, and not whole days. -#}
{% macro is_of_borders(reach) -%}
    {{ return(reach in ['before', 'after', 'both']) }}
{%- endmacro %}


{#- Which ends of other days are read beside a day: the tail of one before, the head of one
    after. -#}
{% macro ends_beside(reach) -%}
    {{ return({'before': ['tail'], 'after': ['head'], 'both': ['tail', 'head']}[reach]) }}
{%- endmacro %}


{#- The borders that a model reads beside its days, as `reads_beside` has their two moments:
    of each table the nearest one of each side and, where that is not full, one farther. -#}
{% macro borders_of(beside) -%}
    {%- set borders = [] -%}
    {%- for table, reach in beside.items() if is_of_borders(reach) -%}
        {%- for end in ends_beside(reach) -%}
            {%- for is_farther in [false, true] -%}
                {%- do borders.append({'table': table, 'end': end, 'is_farther': is_farther}) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(borders) }}
{%- endmacro %}


{#- Where among these those of one table are, counted from 1. -#}
{% macro numbers_of_borders(table) -%}
    {%- set numbers = [] -%}
    {%- for border in borders_of(beside_of_model()) -%}
        {%- if border.table == table %}{% do numbers.append(loop.index) %}{% endif -%}
    {%- endfor -%}
    {{ return(numbers) }}
{%- endmacro %}


{#- Config `beside` of the model; a unit test has a config of its own, and no `graph`. -#}
{% macro beside_of_model() -%}
    {%- set of_model = config -%}
    {%- if execute and model.resource_type == 'unit_test' -%}
        {%- set of_model = adapter.tested_config(model) -%}
    {%- endif -%}
    {{ return(of_model.get('beside') or {}) }}
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


{% macro border_of(table) -%}
    {%- set border = model_named(table).config.get('border') -%}
    {%- if not border -%}
        {{ exceptions.raise_compiler_error(
            model.name ~ ' reads rows of ' ~ table ~ ' beside its days, but ' ~ table
            ~ ' says nothing of a `border`.'
        ) }}
    {%- endif -%}
    {{ return(border) }}
{%- endmacro %}
