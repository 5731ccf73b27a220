-- One row per machine message: its metrics typed, with exactly one verdict.
{%- set same_as_survivor = 'said = first_said' %}
with machine_metrics as (select * from {{ ref('machine_metrics') }}),

known_names as materialized (
    select metric, low, high, name, preference
    from machine_metrics
    cross join lateral unnest(string_to_array(payload_names, ' '))
        with ordinality as names (name, preference)
),

int_message_days as (
    select * from {{ days(
        ['raw_device_ids', 'odd_ids'], of='int_message_days'
    ) }} as days
),

stg_measurements as not materialized (
    select * from {{ ref('stg_measurements') }}
),

judged_messages as (
    select messages_of_the_day.*, int_message_days.production_date as filed_on
    from int_message_days
    cross join lateral (
        with messages as (
            select *
            from {{ messages_of('stg_measurements', 'int_message_days') }} as of_the_day
            offset 0
        ),

        typed as (
            select
                messages.*,
                measured.*,
                lower({{ without_blanks(json_text('told.status_value')) }}) as status,
                {{ clock_offset_seconds('payload', 'event_at') }}
                    as clock_offset_seconds
            from messages
            cross join lateral {{ measured_metrics('payload', 'known_names') }}
                as measured
            cross join lateral (
                select {{ json_first('payload', ['status']) }} as status_value
                where true offset 0
            ) as told
            offset 0
        ),

        with_verdict as (
            select
                *,
                case
                    when envelope_rejection is not null then envelope_rejection
                    when metrics <> '{}' then 'reading'
                    when not names_a_metric and {{ json_first(
                        'payload', var('sensor_health_fields')
                    ) }} is not null then 'health'
                    else 'no_machine_metric'
                end as own_verdict,
                jsonb_build_object('metrics', metrics, 'status', status) as said
            from typed
        )

        select
            *,
            row_number() over readings_of_the_moment as moment_rank,
            first_value(said) over readings_of_the_moment as first_said
        from with_verdict
        window readings_of_the_moment as (
            partition by own_verdict, event_at
            order by ingested_at desc nulls last, measurement_id desc
        )
    ) as messages_of_the_day
)

select
    measurement_id, device_id, sensor_type,
    {{ verdict(same_as_survivor) }} as verdict,
    {{ rejection_reason(same_as_survivor) }} as rejection_reason,
    status,
    case when own_verdict = 'reading' then metrics end as metrics,
    clock_offset_seconds,
    metric_flags || {{ message_flags({}, clock_offset='clock_offset_seconds') }}
        as flags,
    filed_on as production_date, event_at, filed_at, ingested_at
from judged_messages
