-- One row per counter reading: what the counter did since its last level, in pieces.
with device_days as (
    select * from {{ days([
        'max_rate_per_hour', 'expected_interval_seconds', 'counter_modulus'
    ]) }} as days
),

against_level as (
    select
        device_days.counter_modulus,
        {{ gap_seconds('device_days.expected_interval_seconds') }} as gap_seconds,
        {{ counter_cap('device_days.max_rate_per_hour', 'seconds_since_level') }}
            as cap,
        readings.*
    from device_days
    cross join lateral (
        -- Few: held at hand, not looked up for each reading.
        with excursions as materialized (
            select * from {{ reads('int_brick_excursions') }} as found
        ),

        readings as (
            select stg_brick_counts.*, excursions.excursion
            from {{ reads('stg_brick_counts') }} as stg_brick_counts
            left join excursions
                on stg_brick_counts.event_at >= excursions.starts_at
                and stg_brick_counts.event_at < excursions.ends_at
            where verdict = 'reading'
        )

        select
            *,
            lag(measurement_id) over levels as previous_measurement_id,
            lag(count) over levels as previous_count,
            lag(error_count) over levels as previous_error_count,
            lag(uptime_seconds) over levels as previous_uptime_seconds,
            lag(event_at) over levels as previous_level_at,
            {{ seconds_between('lag(event_at) over levels', 'event_at') }}
                as seconds_since_level
        from readings
        window levels as (partition by excursion is null order by event_at)
    ) as readings
    where readings.production_date = device_days.production_date
),

-- Fenced, or the planner judges each reading again wherever its event is asked for.
with_event as (
    select *, {{ counter_event() }} as counter_event
    from against_level
    offset 0
)

select
    measurement_id,
    device_id,
    case when excursion is null and counter_event <> 'long_gap'
        then previous_measurement_id
    end as previous_measurement_id,
    counter_event,
    count,
    error_count,
    case when excursion is null then previous_count end as previous_count,
    case counter_event
        when 'first' then null
        when 'normal' then count - previous_count
        when 'rollover' then count + counter_modulus - previous_count
        when 'reset' then count
        else 0
    end as count_increment,
    case counter_event
        when 'unexplained_reset' then count
        when 'jump' then count - previous_count
        -- Nobody can say when these were made.
        when 'long_gap' then case
            when count < previous_count then count else count - previous_count
        end
        else 0
    end as suspect_increment,
    -- The error counter has no events of its own: it starts anew where the piece
    -- counter does, and a fall without one is a reset of the error counter alone.
    case
        when excursion is not null or previous_error_count is null
            or counter_event = 'long_gap' then null
        when counter_event = 'reset' or error_count < previous_error_count
            then error_count
        else error_count - previous_error_count
    end as error_increment,
    case when excursion is null and counter_event <> 'long_gap'
        then seconds_since_level
    end as seconds_since_level,
    excursion is null as is_level,
    excursion is null and counter_event <> 'long_gap'
    and coalesce(seconds_since_level > gap_seconds, false) as is_gap,
    coalesce(
        counter_event <> 'reset' and error_count < previous_error_count
        and excursion is null, false
    ) as is_error_reset,
    production_date,
    event_at,
    case when excursion is null and counter_event <> 'long_gap'
        then previous_level_at
    end as previous_level_at
from with_event
