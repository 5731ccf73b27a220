{#- All days of a model, each with the fingerprint its rows should carry: made of what the
    database holds now, never of what it should hold. May be older than the rows that are
    read later, never newer. The versions of the code and of the settings, which are in the
    fingerprint, stand beside it for `brickworks status` to tell what has changed. -#}
{% macro wanted_days(node, imported, version) -%}
{%- set built = adapter.device_day(node, var) -%}
{%- set settings = [] -%}
{%- for column in imported + (node.config.get('days') or []) -%}
    {%- do settings.append('days.' ~ column) -%}
{%- endfor -%}
{%- for table in built.plain -%}
    {%- do settings.append('plain_' ~ loop.index ~ '.version') -%}
{%- endfor -%}
{%- for view in built.views -%}
    {#- In a subquery it is hashed once, and not for each day. -#}
    {%- do settings.append(
        '(select md5(' ~ function_name('code_of_view') ~ '(' ~ literal(view) ~ ')))'
    ) -%}
{%- endfor -%}
{%- set sensor_types = [] -%}
{%- for sensor_type in built.sensor_types(var('sensor_domains')) -%}
    {%- do sensor_types.append(literal(sensor_type)) -%}
{%- endfor -%}
select
    days.sensor_type,
    days.device_id,
    days.production_date,
    '{{ version[:8] }}' as code_version,
    days.settings_version,
    hash_record_extended(row(
        '{{ version }}'::text, days.settings_version
        {%- if built.reads_raw %}, days.messages_hash{% endif %}
        {%- if built.tables %}, own.versions{% endif %}
        {%- for table, reach in built.beside.items() if reach is number -%}
            , {{ table }}_before.version
        {%- endfor %}
        {%- for border in built.borders %}, {{ border.column('hash') }}{% endfor %}
    ), 0) as fingerprint,
    array[
        {%- for border in built.borders %}
        {{ border.column('from') }},
        {{ border.column('until') }}{{ ',' if not loop.last }}
        {%- endfor %}
    ]::timestamptz[] as reads_beside
from (
    select
        days.sensor_type, days.device_id, days.production_date,
        {#- Values that are equal hash alike, whatever the session's clock and formats. #}
        hash_record_extended(row({{ settings | join(', ') }}), 0) as settings_version
        {%- if built.reads_raw %}, days.messages_hash{% endif %}
    from {{ built.days.relation_name }} as days
    {%- for table in built.plain %}
    {%- set keys = ['sensor_type', 'device_id', 'production_date']
        | select('in', table.columns) | list %}
    left join (
        select
            {{ (keys + ['sum(hash_record_extended(stored, 0)) as version']) | join(', ') }}
        from {{ table.relation_name }} as stored
        {{ 'group by ' ~ keys | join(', ') if keys }}
    ) as plain_{{ loop.index }}
        {{ 'using (' ~ keys | join(', ') ~ ')' if keys else 'on true' }}
    {%- endfor %}
    where
        {%- if sensor_types %} days.sensor_type
            {{ 'not in' if node.config.get('sensor_types') else 'in' }}
            ({{ sensor_types | join(', ') }})
        {%- else %} true
        {%- endif %}
        {%- if built.keeps_expired %} and not days.is_expired{% endif %}
        {%- if node.config.get('builds_expired_days') %} and days.is_expired{% endif %}
    offset 0 {#- or the settings are hashed twice -#}
) as days
{%- if built.tables %}
{#- One sum, and not a column for each: a further sensor domain changes none of it. #}
left join (
    select
        sensor_type, device_id, production_date,
        bit_xor(hashint8extended(fingerprint, hashtext(model))) as versions
    from {{ builds() }}
    where model in ('{{ built.tables | sort | join("', '") }}')
    group by sensor_type, device_id, production_date
) as own on {{ same_device_day('own', 'days') }}
{%- endif %}
{%- for table, reach in built.beside.items() %}
{%- if reach is number %}
{#- What the table has built for the last days before each day. #}
left join (
    select
        days.sensor_type, days.device_id, days.production_date,
        bit_xor(hash_record_extended(row(days_back, built.fingerprint), 0)) as version
    from {{ built.days.relation_name }} as days
    cross join generate_series(1, {{ reach }}) as days_back
    inner join {{ builds() }} as built
        on built.device_id = days.device_id
        and built.sensor_type = days.sensor_type
        and built.production_date = days.production_date - days_back
        and built.model = '{{ table }}'
    group by days.sensor_type, days.device_id, days.production_date
) as {{ table }}_before on {{ same_device_day(table ~ '_before', 'days') }}
{%- endif %}
{%- for border in built.borders if border.table == table and not border.is_farther %}
{#- The nearest border of the table before each day, or after it. Where that is not full,
    because it has too few rows or is too short, the next one beyond it is read as well.

    Mostly it is that of the day next to it, and one join finds these. What has none there
    is looked for by the index. #}
{%- set end, joined = border.end, table ~ '_' ~ border.end %}
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
) as next_{{ joined }} on {{ same_device_day('next_' ~ joined, 'days') }}
{%- for name, day, condition in [
    ('distant_' ~ joined, 'days', 'next_' ~ joined ~ '.device_id is null'),
    ('farther_' ~ joined, 'distant_' ~ joined,
        'not distant_' ~ joined ~ '.is_full_' ~ end),
] %}
left join lateral (
    select * from {{ builds() }} as built
    where built.model = '{{ table }}'
        and built.sensor_type = {{ day }}.sensor_type
        and built.device_id = {{ day }}.device_id
        and built.production_date
            {{ '<' if end == 'tail' else '>' }} {{ day }}.production_date
        and built.{{ end }}_hash is not null
        and {{ condition }}
    order by built.production_date {{ 'desc' if end == 'tail' }}
    limit 1
) as {{ name }} on true
{%- endfor %}
{%- endfor %}
{%- endfor %}
{%- if built.keeps_expired %}
{#- What raw messages no longer show is kept as it was built. #}
union all
select
    sensor_type, device_id, production_date, built.code_version, built.settings_version,
    built.fingerprint, built.reads_beside
from {{ builds() }} as built
inner join {{ built.days.relation_name }} as days
    using (sensor_type, device_id, production_date)
where days.is_expired and built.model = '{{ node.name }}'
{%- endif %}
{%- endmacro %}
