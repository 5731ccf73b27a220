-- One row per sensor type, device and production day: the ledger of what has arrived.
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['sensor_type', 'device_id', 'production_date'],
    on_schema_change='append_new_columns',
    indexes=[{'columns': ['sensor_type', 'device_id', 'production_date'], 'unique': true}]
) }}

with days as (select * from {{ ref('int_raw_days') }}){% if not is_incremental() %}

select * from days
{%- else %},

ledger as (select * from {{ this }}),

-- Raw rows go oldest first when a retention rule takes them: up to this date every day
-- of the plant has lost some, and what was built from them is kept.
expiry as (

    select max(production_date) as expired_until
    from (
        select
            ledger.production_date,
            bool_and(
                coalesce(sum(days.raw_message_count), 0) < sum(ledger.message_count)
            ) over (order by ledger.production_date) as have_all_lost_rows
        from ledger
        left join days on {{ is_same_device_day('ledger', 'days') }}
        where ledger.message_count > 0
        group by ledger.production_date
    ) as dates
    where have_all_lost_rows

),

expired as (

    select
        ledger.sensor_type, ledger.device_id, ledger.raw_device_ids,
        ledger.messages_hash, ledger.message_count,
        coalesce(days.raw_message_count, 0) as raw_message_count,
        ledger.last_measurement_id, true as is_expired,
        ledger.production_date, ledger.first_measured_at, ledger.last_measured_at
    from ledger
    cross join expiry
    left join days on {{ is_same_device_day('ledger', 'days') }}
    where (ledger.is_expired or ledger.production_date <= expiry.expired_until)
        and coalesce(days.raw_message_count, 0) < ledger.message_count

),

emptied as (

    select
        sensor_type, device_id, raw_device_ids, md5('')::uuid as messages_hash,
        0 as message_count, 0 as raw_message_count, last_measurement_id,
        false as is_expired, production_date, first_measured_at, last_measured_at
    from ledger
    where not exists (
        select from days where {{ is_same_device_day('days', 'ledger') }}
    )

),

current_days as (

    select * from expired
    union all
    select * from (select * from days union all select * from emptied) as unexpired
    where not exists (
        select from expired where {{ is_same_device_day('expired', 'unexpired') }}
    )

)

select * from current_days
where not {{ flags.EMPTY }}
    and not exists (
        select from ledger
        where {{ is_same_device_day('ledger', 'current_days') }}
            and ledger.messages_hash = current_days.messages_hash
            and ledger.raw_message_count = current_days.raw_message_count
            and ledger.is_expired = current_days.is_expired
    )
{%- endif %}
