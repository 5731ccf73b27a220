{#- All days of a model, each with the fingerprint its rows should carry: made of what the
    database holds now, never of what it should hold. May be older than the rows that are
    read later, never newer. The versions of the code and of the settings, which are in the
    fingerprint, stand beside it for `brickworks status` to tell what has changed. -#}
{% macro wanted_days(node, imported, version) -%}
{%- set inputs = inputs_of(node) -%}
{%- set beside = node.config.get('beside') or {} -%}
{%- set borders = borders_of(beside) -%}
{%- set columns = imported + (node.config.get('days') or []) -%}
{%- set of = days_of(node) -%}
{%- set keeps_expired = keeps_expired(node) -%}
select
    days.sensor_type,
    days.device_id,
    days.production_date,
    '{{ version[:8] }}' as code_version,
    days.settings_version,
    hash_record_extended(row(
        '{{ version }}'::text, days.settings_version
        {%- if inputs.reads_raw %}, days.messages_hash{% endif %}
        {%- if inputs.tables %}, own.versions{% endif %}
        {%- for table, said in beside.items() if not is_of_borders(said) %}, {{ table }}_before.version{% endfor %}
        {%- for border in borders %}, {{ border_column(border, 'hash') }}{% endfor %}
    ), 0) as fingerprint,
    array[
        {%- for border in borders %}
        {{ border_column(border, 'from') }},
        {{ border_column(border, 'until') }}{{ ',' if not loop.last }}
        {%- endfor %}
    ]::timestamptz[] as reads_beside
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
                {#- In a subquery it is hashed once, and not for each day. -#}
                {%- do said.append('(select md5(' ~ function_name('code_of_view') ~ '(' ~ literal(view) ~ ')))') -%}
            {%- endfor -%}
            {{ said | join(', ') }}
        ), 0) as settings_version
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
    offset 0 {#- or the settings are hashed twice -#}
) as days
{%- if inputs.tables %}
{#- One sum, and not a column for each: a further sensor domain changes none of it. #}
left join (
    select
        sensor_type, device_id, production_date,
        bit_xor(hashint8extended(fingerprint, hashtext(model))) as versions
    from {{ builds() }}
    where model in ('{{ inputs.tables | sort | join("', '") }}')
    group by sensor_type, device_id, production_date
) as own on {{ same_device_day('own', 'days') }}
{%- endif %}
{%- for table, said in beside.items() %}
{%- if is_of_borders(said) %}
{{ join_borders(table, said) }}
{%- else %}
left join (
    {{ days_before(table, reach_of(said), of) }}
) as {{ table }}_before on {{ same_device_day(table ~ '_before', 'days') }}
{%- endif %}
{%- endfor %}
{%- if keeps_expired %}
{#- What raw messages no longer show is kept as it was built. #}
union all
select
    sensor_type, device_id, production_date, built.code_version, built.settings_version,
    built.fingerprint, built.reads_beside
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


{#- Joins to each day the nearest border of a table before it, after it, or both. Where that
    is not full, because it has too few rows or is too short, the next one beyond it is read
    as well.

    Mostly it is that of the day next to it, and one join finds these. What has none there
    is looked for by the index. -#}
{% macro join_borders(table, reach) -%}
{%- for end in ends_beside(reach) %}
{%- set border = table ~ '_' ~ end %}
left join (
    select
        sensor_type, device_id,
        production_date {{ '+' if end == 'tail' else '-' }} 1 as production_date,
        {%- for moment in ['hash', 'from', 'until'] %}
        {%- set column = end ~ '_' ~ moment %}
        {{ column }},
        case when not is_full_{{ end }} then lag({{ column }}) over series end
            as farther_{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ builds() }}
    where model = '{{ table }}' and {{ end }}_hash is not null
    window series as (
        partition by sensor_type, device_id
        order by production_date {{ 'desc' if end == 'head' }}
    )
) as next_{{ border }} on {{ same_device_day('next_' ~ border, 'days') }}
left join lateral (
    {{ first_border(table, end, 'days', 'next_' ~ border ~ '.device_id is null') }}
) as distant_{{ border }} on true
left join lateral (
    {{ first_border(
        table, end, 'distant_' ~ border, 'not distant_' ~ border ~ '.is_full_' ~ end
    ) }}
) as farther_{{ border }} on true
{%- endfor %}
{%- endmacro %}


{#- A select of the first tail of a table before a day, or head after it, if a condition
    holds. -#}
{% macro first_border(table, end, day, condition) -%}
    select * from {{ builds() }} as built
    where built.model = '{{ table }}'
        and built.sensor_type = {{ day }}.sensor_type
        and built.device_id = {{ day }}.device_id
        and built.production_date {{ '<' if end == 'tail' else '>' }} {{ day }}.production_date
        and built.{{ end }}_hash is not null
        and {{ condition }}
    order by built.production_date {{ 'desc' if end == 'tail' }}
    limit 1
{%- endmacro %}


{#- A column of a border so joined: `hash`, `from` or `until`. -#}
{% macro border_column(border, name) -%}
    {%- set joined = border.table ~ '_' ~ border.end -%}
    {%- set column = border.end ~ '_' ~ name -%}
    {%- if border.is_farther -%}
        coalesce(next_{{ joined }}.farther_{{ column }}, farther_{{ joined }}.{{ column }})
    {%- else -%}
        coalesce(next_{{ joined }}.{{ column }}, distant_{{ joined }}.{{ column }})
    {%- endif -%}
{%- endmacro %}
