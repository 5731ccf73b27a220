-- One row per machine message: its metrics typed, with exactly one verdict.
{%- set same_as_survivor = 'said = first_said' %}
with stg_measurements as (select * from {{ ref('stg_measurements') }}),

machine_metrics as (select * from {{ ref('machine_metrics') }}),

known_names as materialized (

    select metric, low, high, name, preference
    from machine_metrics
    cross join lateral unnest(string_to_array(payload_names, ' '))
        with ordinality as names (name, preference)

),

int_message_days as materialized (

    select *, {{ fingerprint() }} as fingerprint
    from (select * from {{ ref('int_message_days') }}) as days
    where sensor_type in {{ sensor_types('stg_machine_messages') }}
        and message_count > 0
        and {{ is_unbuilt() }}

),

judged_messages as (

    select
        int_message_days.fingerprint,
        messages_of_the_day.*
    from int_message_days
    cross join lateral (
        with messages as (
            select * from stg_measurements
            where {{ is_of_device_day('int_message_days') }}
            offset 0
        ),

        typed as (
            select
                messages.*,
                measured.*,
                lower(trim({{ json_first('payload', ['status']) }} #>> '{}')) as status
            from messages
            cross join lateral {{ measured_metrics('payload', 'known_names') }}
                as measured
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
    fingerprint, measurement_id, device_id, sensor_type,
    {{ verdict(same_as_survivor) }} as verdict,
    {{ rejection_reason(same_as_survivor) }} as rejection_reason,
    status,
    case when own_verdict = 'reading' then metrics end as metrics,
    {{ clock_offset_seconds('payload', 'event_at') }} as clock_offset_seconds,
    metric_flags || {{ message_flags({}) }} as flags,
    production_date, event_at, filed_at, ingested_at
from judged_messages
