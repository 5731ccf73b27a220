{#- All days of a model, each with the fingerprint its rows should carry: made of what the
    database holds now, never of what it should hold. May be older than the rows that are
    read later, never newer.

    Of the uuid's 32 digits the first 8 are the code's and the next 8 those of the settings,
    so that `brickworks status` can tell what has changed; the other 16 are those of all. -#}
{% macro wanted_days(node, imported, version) -%}
{%- set inputs = inputs_of(node) -%}
{%- set beside = {} -%}
{%- for table, said in (node.config.get('beside') or {}).items() -%}
    {%- do beside.update({table: reach_of(said)}) -%}
{%- endfor -%}
{%- set columns = imported + (node.config.get('days') or []) -%}
{%- set of = days_of(node) -%}
{%- set keeps_expired = keeps_expired(node) -%}
select
    days.sensor_type,
    days.device_id,
    days.production_date,
    (
        '{{ version[:8] }}'
        || left(lpad(to_hex(days.settings), 16, '0'), 8)
        || lpad(to_hex(hash_record_extended(row(
            '{{ version }}'::text, days.settings
            {%- if inputs.reads_raw %}, days.messages_hash{% endif %}
            {%- if inputs.tables %}, own.versions{% endif %}
            {%- for table in beside %}, beside_{{ loop.index }}.version{% endfor %}
        ), 0)), 16, '0')
    )::uuid as fingerprint,
    {%- set ranges = [] -%}
    {%- for table in beside if is_of_borders(beside[table]) -%}
        {%- set number = (beside | list).index(table) + 1 -%}
        {%- do ranges.append("'" ~ table ~ "', beside_" ~ number ~ '.ranges') -%}
    {%- endfor %}
    {{ 'jsonb_build_object(' ~ ranges | join(', ') ~ ')' if ranges else 'null::jsonb' }}
        as reads_beside
from (
    select
        days.sensor_type, days.device_id, days.production_date,
        {#- Values that are equal hash alike, whatever the session's clock and formats. #}
        hash_record_extended(row(
            {%- set said = [] -%}
            {%- for column in columns %}{% do said.append('days.' ~ column) %}{% endfor -%}
            {%- for table in inputs.plain -%}
                {%- do said.append('plain_' ~ loop.index ~ '.version') -%}
            {%- endfor -%}
            {%- for view in inputs.views | sort -%}
                {#- In a subquery it is written out once, and not for each day. -#}
                {%- do said.append('(select ' ~ function_name('code_of_view') ~ '(' ~ literal(view) ~ '))') -%}
            {%- endfor -%}
            {{ said | join(', ') }}
        ), 0) as settings
        {%- if inputs.reads_raw %}, days.messages_hash{% endif %}
    from {{ model_named(of).relation_name }} as days
    {%- for table in inputs.plain %}
    {%- set keys = [] -%}
    {%- for key in ['sensor_type', 'device_id', 'production_date'] if key in table.columns -%}
        {%- do keys.append(key) -%}
    {%- endfor %}
    left join (
        select {{ (keys + ['sum(hash_record_extended(stored, 0)) as version']) | join(', ') }}
        from {{ table.relation_name }} as stored
        {{ 'group by ' ~ keys | join(', ') if keys }}
    ) as plain_{{ loop.index }}
        {{ 'using (' ~ keys | join(', ') ~ ')' if keys else 'on true' }}
    {%- endfor %}
    where {{ has_sensor_type_of(node) }}
        {%- if keeps_expired %} and not days.is_expired{% endif %}
        {%- if node.config.get('builds_expired_days') %} and days.is_expired{% endif %}
) as days
{%- if inputs.tables %}
{#- One sum, and not a column for each: a further sensor domain changes none of it. #}
left join (
    select
        sensor_type, device_id, production_date,
        bit_xor(hash_record_extended(row(model, fingerprint), 0)) as versions
    from {{ builds() }}
    where model in ('{{ inputs.tables | sort | join("', '") }}')
    group by sensor_type, device_id, production_date
) as own on {{ same_device_day('own', 'days') }}
{%- endif %}
{%- for table, reach in beside.items() %}
left join (
    {{ borders_beside(table, reach, of) if is_of_borders(reach)
        else days_before(table, reach, of) }}
) as beside_{{ loop.index }}
    on {{ same_device_day('beside_' ~ loop.index, 'days') }}
{%- endfor %}
{%- if keeps_expired %}
{#- What raw messages no longer show is kept as it was built. #}
union all
select sensor_type, device_id, production_date, built.fingerprint, built.reads_beside
from {{ builds() }} as built
inner join {{ model_named(of).relation_name }} as days
    using (sensor_type, device_id, production_date)
where days.is_expired and built.model = '{{ node.name }}'
{%- endif %}
{%- endmacro %}


{#- The relation whose days a model has. -#}
{% macro days_of(node) -%}
    {%- for name in ['device_days', 'int_message_days'] -%}
        {%- if node.depends_on.nodes | select('equalto', model_named(name).unique_id) | list -%}
            {{ return(name) }}
        {%- endif -%}
    {%- endfor -%}
    {{ exceptions.raise_compiler_error(
        node.name ~ ' does not say which days it has: select from days().'
    ) }}
{%- endmacro %}


{#- What a table has built for the last days before each day. -#}
{% macro days_before(table, reach, of) -%}
    select
        days.sensor_type, days.device_id, days.production_date,
        bit_xor(hash_record_extended(row(days_back, built.fingerprint), 0)) as version
    from {{ model_named(of).relation_name }} as days
    cross join generate_series(1, {{ reach }}) as days_back
    inner join {{ builds() }} as built
        on built.device_id = days.device_id
        and built.sensor_type = days.sensor_type
        and built.production_date = days.production_date - days_back
        and built.model = '{{ table }}'
    group by days.sensor_type, days.device_id, days.production_date
{%- endmacro %}


{#- The nearest border of a table before each day, after it, or both: the ranges of time to
    read, and a hash of the rows in them. Where the nearest one is not full, because it has
    too few rows or is too short, the next one beyond it is read as well. -#}
{% macro borders_beside(table, reach, of) -%}
    {%- set sides = {'before': [('tail', 'asc')], 'after': [('head', 'desc')],
        'both': [('tail', 'asc'), ('head', 'desc')]}[reach] %}
    with
    {%- for end, order in sides %}
    {{ end }}s as (
        select
            sensor_type, device_id, production_date,
            {{ end }}_hash as own_hash,
            case when not is_full_{{ end }} then lag({{ end }}_hash) over series end
                as farther_hash,
            {{ border_range(end) }} as own_range,
            case when not is_full_{{ end }} then lag({{ border_range(end) }}) over series end
                as farther_range
        from {{ builds() }}
        where model = '{{ table }}' and {{ end }}_hash is not null
        window series as (
            partition by sensor_type, device_id order by production_date {{ order }}
        )
    ),
    {%- endfor %}

    nearest as (
        select
            days.sensor_type, days.device_id, days.production_date
            {%- for end, order in sides %},
            {{ 'max' if end == 'tail' else 'min' }}({{ end }}s.production_date) over (
                partition by days.sensor_type, days.device_id
                order by days.production_date {{ order }}
                rows between unbounded preceding and 1 preceding
            ) as {{ end }}_date
            {%- endfor %}
        from {{ model_named(of).relation_name }} as days
        {%- for end, _ in sides %}
        left join {{ end }}s on {{ same_device_day(end ~ 's', 'days') }}
        {%- endfor %}
    )

    select
        nearest.sensor_type, nearest.device_id, nearest.production_date,
        hash_record_extended(row(
            {%- for end, _ in sides %}
            {{ end }}s.own_hash, {{ end }}s.farther_hash{{ ',' if not loop.last }}
            {%- endfor %}
        ), 0) as version,
        to_jsonb(array_remove(array[
            {%- for end, _ in sides %}
            {{ end }}s.own_range, {{ end }}s.farther_range{{ ',' if not loop.last }}
            {%- endfor %}
        ], null)) as ranges
    from nearest
    {%- for end, _ in sides %}
    left join {{ end }}s
        on {{ end }}s.device_id = nearest.device_id
        and {{ end }}s.sensor_type = nearest.sensor_type
        and {{ end }}s.production_date = nearest.{{ end }}_date
    {%- endfor %}
{%- endmacro %}


{#- Written alike by every session: JSON would have the moments on its clock. -#}
{% macro border_range(end) -%}
    jsonb_build_object(
        {%- for moment in ['from', 'until'] %}
        '{{ moment }}', (to_jsonb({{ end }}_{{ moment }} at time zone 'UTC') #>> '{}') || '+00'
        {{- ',' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}
