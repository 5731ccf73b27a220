{#- Notes what was built of the days that were due: their rows, counted, and what other
    days may read of them. Returns the number of rows. -#}
{% macro note_built_days() -%}
{%- set border = config.get('border') -%}
{%- set own = is_stored_of('due') %}
delete from {{ builds() }} where {{ is_to_build() }} and fingerprint is null;

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
        from {{ due_days() }} as due
        cross join lateral (
            select count(*) as row_count
                {%- if border %},
                min(stored.{{ border['at'] }}) as first_at,
                max(stored.{{ border['at'] }}) as last_at
                {%- endif %}
            from {{ this }} as stored where {{ own }}
        ) as counts
        {{ edges(border, own) if border }}
    ) as found
    where due.model = '{{ model.name }}' and due.is_due and {{ same_device_day('found', 'due') }}
    returning due.row_count
)

select coalesce(sum(row_count), 0)::bigint from noted
{%- endmacro %}


{#- The two ends of a day, as laterals that follow its `counts`: how far each reaches, and a
    hash of its rows. They end with a row: the same rows are the same border, however far
    it might have reached. -#}
{% macro edges(border, own) -%}
{%- set at = 'stored.' ~ border['at'] %}
        {%- for end in ['head', 'tail'] %}
        left join lateral (
            {{ edge_of_day(end, border, own) }}
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
{%- endmacro %}


{#- How far one end of a day reaches, as a SELECT of one row (edge, is_full): over at least
    `head_rows` or `tail_rows` rows for which `where` holds (of each `per`), and over all
    rows within `within` of the first or the last. A day that has less is all border, and
    not full. A day without such a row has none: who looks for one looks farther. -#}
{% macro edge_of_day(end, border, own) -%}
{%- set at = 'stored.' ~ border['at'] -%}
{%- set within = 'interval ' ~ literal(border.get('within', '0')) -%}
{%- set rows = border.get(end ~ '_rows', 0) -%}
{%- if border.get('whole_days') -%}
            select counts.{{ 'last_at' if end == 'head' else 'first_at' }} as edge, false as is_full
{%- else %}
            select
                {%- if end == 'head' %}
                greatest(nth.edge, least(counts.last_at, counts.first_at + {{ within }})) as edge,
                {%- else %}
                least(nth.edge, greatest(counts.first_at, counts.last_at - {{ within }})) as edge,
                {%- endif %}
                nth.is_full and counts.last_at - counts.first_at >= {{ within }} as is_full
            from (
                {%- if not rows %}
                select counts.{{ 'first_at' if end == 'head' else 'last_at' }} as edge, true as is_full
                {%- else %}
                select
                    {%- if end == 'head' %}
                    max(coalesce(nth_at, counts.last_at)) as edge,
                    {%- else %}
                    min(coalesce(nth_at, counts.first_at)) as edge,
                    {%- endif %}
                    bool_and(nth_at is not null) as is_full
                from (
                    select (array_agg(
                        {{ at }} order by {{ at }}{{ ' desc' if end == 'tail' }}
                    ))[{{ rows }}] as nth_at
                    from {{ this }} as stored
                    where {{ own }} and {{ at }} is not null
                        and {{ border.get('where', 'true') }}
                    {{ 'group by stored.' ~ border['per'] if border.get('per') else 'having count(*) > 0' }}
                ) as series
                having count(*) > 0
                {%- endif %}
            ) as nth
{%- endif -%}
{%- endmacro %}
