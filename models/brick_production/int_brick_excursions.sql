-- One row per device, production day and excursion of its counter: readings that are no
-- level, because the counter comes back from them.
with device_days as (
    select * from {{ days(['max_rate_per_hour', 'counter_modulus']) }} as days
)

-- Each day is judged by itself: its own readings, the tail before and the head after.
select
    device_days.device_id,
    device_days.production_date,
    found.excursion,
    found.base_at,
    found.starts_at,
    found.ends_at
from device_days
cross join lateral (
    with readings as (
        select
            production_date, event_at, count,
            lead(event_at) over series as next_at,
            -- A step back by a piece or two that is back at once: no event.
            coalesce(
                count < lag(count) over series
                and count >= lag(count) over series - {{ var('jitter_pieces') }}
                and lead(count) over series >= lag(count) over series
                and lead(event_at) over series
                <= event_at + interval {{ literal(var('look_ahead')) }}, false
            ) as is_jitter
        from {{ reads('stg_brick_counts') }} as stg_brick_counts
        where verdict = 'reading'
        window series as (order by event_at)
    ),

    steps as (
        select
            *,
            lag(event_at) over series as base_at,
            lag(count) over series as base_count,
            {{ counter_cap('device_days.max_rate_per_hour', seconds_between(
                'lag(event_at) over series', 'event_at'
            )) }} as cap
        from readings
        where not is_jitter
        window series as (order by event_at)
    ),

    -- Drops and jumps are rare: only they look ahead, by index.
    returns as (
        select
            production_date,
            case when count < base_count then 'dip' else 'spike' end as excursion,
            base_at,
            event_at as starts_at,
            case
                when {{ is_rollover('count', 'base_count', 'cap') }} then null
                when count < base_count then {{ dip_end('steps', 'device_days') }}
                else {{ spike_end('steps', 'device_days') }}
            end as ends_at
        from steps
        where count < base_count or count > base_count + cap
    ),

    -- What starts from inside an earlier excursion does not start from a level.
    claims as (
        select
            *,
            {{ function_name('claimed_until') }}(base_at, ends_at) over (
                order by starts_at
                rows between unbounded preceding and 1 preceding
            ) as claimed_until
        from returns
        where ends_at is not null
    ),

    accepted as (
        select production_date, excursion, base_at, starts_at, ends_at
        from claims
        where base_at >= coalesce(claimed_until, '-infinity')
    )

    select * from accepted
    union all
    -- Jitter inside a dip or a spike is part of it.
    select
        production_date,
        'jitter' as excursion,
        null as base_at,
        event_at as starts_at,
        next_at as ends_at
    from readings
    where is_jitter and not exists (
        select from accepted
        where readings.event_at >= accepted.starts_at
            and readings.event_at < accepted.ends_at
    )
) as found
where device_days.production_date = found.production_date
