{#- Notes what was built of the days that were due: their rows, counted, and what other
    days may read of them. Returns the number of rows. -#}
{% macro note_built_days() -%}
{%- set border = config.get('border') or {} -%}
{%- set at = 'stored.' ~ border.get('at') -%}
{%- set within = 'interval ' ~ literal(border.get('within', '0')) -%}
{%- set own = same_device_day('stored', 'due', has_types='sensor_type' in model.columns) %}
delete from {{ builds() }}
where model = '{{ model.name }}' and is_due and fingerprint is null;

with noted as (
    update {{ builds() }} as due
    set is_due = false, row_count = found.row_count
        {%- if border %},
        head_from = found.head_from, head_until = found.head_until,
        head_hash = found.head_hash, is_full_head = found.is_full_head,
        tail_from = found.tail_from, tail_until = found.tail_until,
        tail_hash = found.tail_hash, is_full_tail = found.is_full_tail
        {%- endif %}
    from (
        select due.sensor_type, due.device_id, due.production_date, counts.row_count
            {%- if border %},
            counts.first_at as head_from, hashes.head_until, hashes.head_hash,
            head.is_full as is_full_head,
            hashes.tail_from, counts.last_at as tail_until, hashes.tail_hash,
            tail.is_full as is_full_tail
            {%- endif %}
        from pg_temp.due_days as due
        cross join lateral (
            select count(*) as row_count
                {%- if border %},
                min({{ at }}) as first_at,
                max({{ at }}) as last_at
                {%- endif %}
            from {{ this }} as stored where {{ own }}
        ) as counts
        {%- if border %}
        {#- The two ends of a day: how far each reaches, and a hash of its rows. They end
            with a row: the same rows are the same border, however far it might have reached.

            An end reaches over at least `head_rows` or `tail_rows` rows for which `where`
            holds (of each `per`), and over all rows within `within` of the first or the
            last. A day that has less is all border, and not full. A day without such a row
            has none: who looks for one looks farther. #}
        {%- for end, from_at, to_at, farthest in [
            ('head', 'first_at', 'last_at', 'max'), ('tail', 'last_at', 'first_at', 'min')
        ] %}
        {%- set rows = border.get(end ~ '_rows', 0) %}
        left join lateral (
            {%- if border.get('whole_days') %}
            select counts.{{ to_at }} as edge, false as is_full
            {%- else %}
            select
                {%- if end == 'head' %}
                greatest(nth.edge, least(counts.last_at, counts.first_at + {{ within }}))
                {%- else %}
                least(nth.edge, greatest(counts.first_at, counts.last_at - {{ within }}))
                {%- endif %}
                    as edge,
                nth.is_full and counts.last_at - counts.first_at >= {{ within }} as is_full
            from (
                {%- if not rows %}
                select counts.{{ from_at }} as edge, true as is_full
                {%- else %}
                select
                    {{ farthest }}(coalesce(nth_at, counts.{{ to_at }})) as edge,
                    bool_and(nth_at is not null) as is_full
                from (
                    select (array_agg(
                        {{ at }} order by {{ at }}{{ ' desc' if end == 'tail' }}
                    ))[{{ rows }}] as nth_at
                    from {{ this }} as stored
                    where {{ own }} and {{ at }} is not null
                        and {{ border.get('where', 'true') }}
                    {{ 'group by stored.' ~ border['per'] if border.get('per')
                        else 'having count(*) > 0' }}
                ) as series
                having count(*) > 0
                {%- endif %}
            ) as nth
            {%- endif %}
        ) as {{ end }} on counts.first_at is not null
        {%- endfor %}
        left join lateral (
            select
                sum(hash_record_extended(stored, 0)) filter (where {{ at }} <= head.edge)
                    as head_hash,
                max({{ at }}) filter (where {{ at }} <= head.edge) as head_until,
                sum(hash_record_extended(stored, 0)) filter (where {{ at }} >= tail.edge)
                    as tail_hash,
                min({{ at }}) filter (where {{ at }} >= tail.edge) as tail_from
            from {{ this }} as stored
            where {{ own }} and ({{ at }} <= head.edge or {{ at }} >= tail.edge)
        ) as hashes on true
        {%- endif %}
    ) as found
    where due.model = '{{ model.name }}' and due.is_due
        and {{ same_device_day('found', 'due') }}
    returning due.row_count
)

select coalesce(sum(row_count), 0)::bigint from noted
{%- endmacro %}
