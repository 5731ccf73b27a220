-- One row per sensor type, device and production day with messages: the ledger of what
-- has arrived.
{% set no_messages_hash = "md5('')::uuid" %}
with arrived as (select * from {{ ref('int_raw_days') }}),

ledger as (select * from {{ ledger_before() }} as ledger_before),

device_registry as (
    select
        {{ device_key('device_id') }} as device_id,
        {{ sensor_type_key('sensor_type') }} as sensor_type,
        max(commissioned_on) as commissioned_on
    from {{ ref('device_registry') }}
    group by 1, 2
),

scope as (
    select
        coalesce(
            bool_and(is_of_all_days),
            not exists (select from {{ source('raw', 'measurements') }})
        ) as is_full,
        (select count(*) from ledger) > 0 as has_history,
        {{ raw_kept_from() }} as kept_from
    from arrived
),

-- Days before the first that the raw table keeps stay as they were built. What a first
-- run finds of them is taken as it is; messages that have no time never expire.
days as (
    select
        sensor_type, device_id, production_date,
        coalesce(
            production_date < scope.kept_from
            and production_date > {{ earliest_date() }} and scope.has_history, false
        ) as is_expired,
        scope.is_full or arrived.message_count is not null as is_scanned,
        {{ calendar_version('device_registry.commissioned_on') }} as calendar_version,
        ledger.calendar_version as known_calendar_version,
        {%- for column in [
            'raw_device_ids', 'odd_ids', 'last_measurement_id', 'last_event_at',
        ] %}
        coalesce(arrived.{{ column }}, ledger.{{ column }}) as {{ column }},
        {%- endfor %}
        ledger.messages_hash as known_hash,
        ledger.message_count as known_count,
        ledger.raw_messages_hash as known_raw_hash,
        ledger.raw_message_count as known_raw_count,
        arrived.messages_hash as arrived_hash,
        arrived.message_count as arrived_count
    from arrived
    full join ledger using (sensor_type, device_id, production_date)
    left join device_registry using (sensor_type, device_id)
    cross join scope
),

-- All messages of a day are gone though nobody said so: its numbers are not given up
-- for what may be a mistake. Another calendar files messages under other days.
refused as (
    select
        count(*) filter (where is_lost) as lost_count,
        min(device_id || to_char(production_date, ', YYYY-MM-DD'))
            filter (where is_lost) as lost_example,
        count(*) filter (where not is_lost) as stuck_count,
        max(production_date) filter (where not is_lost) as stuck_until
    from (
        select days.*, not is_expired as is_lost
        from days
        left join {{ readings_before() }} as verdicts
            using (sensor_type, device_id, production_date)
        where {{ 'false' if var('forget_missing_days') or flags.EMPTY else 'true' }}
            and case
                when is_expired then calendar_version <> known_calendar_version
                else
                    is_scanned and arrived_hash is null and verdicts.reading_count > 0
                    and calendar_version = known_calendar_version
            end
    ) as found
),

final as (
    select
        sensor_type, device_id, raw_device_ids, odd_ids,
        case when is_expired or not is_scanned
            then coalesce(known_hash, {{ no_messages_hash }}) else arrived_hash
        end as messages_hash,
        case when is_expired or not is_scanned
            then coalesce(known_count, 0) else arrived_count
        end as message_count,
        case when is_scanned
            then coalesce(arrived_hash, {{ no_messages_hash }}) else known_raw_hash
        end as raw_messages_hash,
        case when is_scanned then coalesce(arrived_count, 0) else known_raw_count
        end as raw_message_count,
        last_measurement_id,
        is_expired,
        case when is_expired or not is_scanned
            then coalesce(known_calendar_version, calendar_version)
            else calendar_version
        end as calendar_version,
        production_date,
        last_event_at
    from days
    where is_expired or not is_scanned or arrived_hash is not null
)

select * from final
where (
    select {{ refuse_to_lose_days('refused') }} from refused
)
