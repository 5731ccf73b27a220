-- One row per sensor type, device and production day: what became of its messages.
with int_message_days as materialized (

    select *, {{ fingerprint() }} as fingerprint
    from (select * from {{ ref('int_message_days') }}) as days
    where {{ is_unbuilt() }}

),

verdicts as not materialized (

    {%- for staging_model in staging_models() %}
    {{ 'union all' if not loop.first }}
    select
        measurement_id, sensor_type, device_id, production_date, verdict,
        event_at, ingested_at
    from {{ ref(staging_model) }}
    {%- endfor %}

),

final as (

    select
        int_message_days.sensor_type,
        int_message_days.device_id,
        int_message_days.fingerprint,
        -- Not the ledger's count: messages may have come since it was written.
        counts.message_count,
        counts.reading_count,
        counts.health_count,
        counts.duplicate_count,
        counts.rejected_count,
        counts.late_count,
        counts.max_lag_seconds,
        int_message_days.production_date,
        counts.first_reading_at,
        counts.last_reading_at,
        tail.starts_at as tail_starts_at,
        edges.head_hash,
        edges.tail_hash
    from int_message_days
    cross join lateral (
        select
            count(*) as message_count,
            count(*) filter (where verdict = 'reading') as reading_count,
            count(*) filter (where verdict = 'health') as health_count,
            count(*) filter (where verdict = 'duplicate') as duplicate_count,
            count(*) filter (where verdict = 'rejected') as rejected_count,
            count(*) filter (
                where verdict = 'reading'
                    and {{ lag_seconds() }} > {{ var('late_seconds') }}
            ) as late_count,
            max({{ lag_seconds() }}) filter (where verdict = 'reading')
                as max_lag_seconds,
            min(event_at) filter (where verdict = 'reading') as first_reading_at,
            max(event_at) filter (where verdict = 'reading') as last_reading_at
        from verdicts
        where {{ is_same_device_day('verdicts', 'int_message_days') }}
    ) as counts
    -- The tail starts early enough to say what is a level at the day's end; a day too
    -- short for that is all tail.
    cross join lateral (
        select max(event_at) as starts_at
        from verdicts
        where {{ is_same_device_day('verdicts', 'int_message_days') }}
            and verdict = 'reading'
            and event_at <= counts.last_reading_at - {{ edge_length() }}
    ) as tail
    cross join lateral (
        select
            bit_xor({{ reading_hash() }}) filter (
                where event_at < counts.first_reading_at + {{ edge_length() }}
            ) as head_hash,
            bit_xor({{ reading_hash() }}) filter (
                where tail.starts_at is null or event_at >= tail.starts_at
            ) as tail_hash
        from verdicts
        where {{ is_same_device_day('verdicts', 'int_message_days') }}
            and verdict = 'reading'
    ) as edges

)

select * from final
