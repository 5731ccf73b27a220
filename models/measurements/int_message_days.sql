-- One row per sensor type, device and production day: the ledger of what has arrived.
with days as materialized (select * from {{ ref('int_raw_days') }}),

columns_of_the_ledger as (

    select
        sensor_type, device_id, raw_device_ids, messages_hash, message_count,
        raw_message_count, last_measurement_id, is_expired, commissioned_on,
        production_date, first_measured_at, last_measured_at
    from days

){% if not is_incremental() %}

select * from columns_of_the_ledger
{%- else %},

ledger as (select * from {{ this }}),

scope as (select coalesce(bool_and(is_of_all_days), false) as is_full from days),

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
        -- Messages without any time are filed under the first date and never expire.
        where ledger.message_count > 0
            and ledger.production_date > {{ earliest_date() }}
        group by ledger.production_date
    ) as dates
    where have_all_lost_rows and (select is_full from scope)

),

missed as (

    select
        ledger.*,
        coalesce(days.raw_message_count, 0) as remaining_count,
        coalesce(
            ledger.is_expired or ledger.production_date <= expiry.expired_until, false
        ) as is_kept
    from ledger
    cross join scope
    cross join expiry
    left join days on {{ is_same_device_day('ledger', 'days') }}
    where (scope.is_full or days.device_id is not null)
        and coalesce(days.raw_message_count, 0) < ledger.message_count

),

current_days as (

    select
        sensor_type, device_id, raw_device_ids, messages_hash, message_count,
        remaining_count as raw_message_count, last_measurement_id, true as is_expired,
        commissioned_on, production_date, first_measured_at, last_measured_at
    from missed
    where is_kept
    union all
    select
        sensor_type, device_id, raw_device_ids, md5('')::uuid as messages_hash,
        0 as message_count, 0 as raw_message_count, last_measurement_id,
        false as is_expired,
        commissioned_on, production_date, first_measured_at, last_measured_at
    from missed
    where remaining_count = 0 and not is_kept
    union all
    select * from columns_of_the_ledger as days
    where not exists (
        select from missed
        where {{ is_same_device_day('missed', 'days') }} and missed.is_kept
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
            and ledger.commissioned_on
            is not distinct from current_days.commissioned_on
    )
{%- endif %}
