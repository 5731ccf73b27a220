-- One row per device and event in which it stood still or nobody saw it, from its
-- beginning to its end.
with int_standstills as (select * from {{ ref('int_standstills') }}),

int_standstill_neighbours as (select * from {{ ref('int_standstill_neighbours') }}),

shifts as (
    select * from {{ ref('int_production_periods') }} where grain = 'shift'
),

devices as (
    select * from {{ ref('devices') }}
    where sensor_type in {{ sensor_types('stg_brick_counts') }}
),

limits as (
    select
        device_id,
        max(high) filter (where metric = 'changeover') * interval '1 second'
            as changeover,
        max(low) filter (where metric = 'comms_loss') as comms_loss
    from {{ ref('device_thresholds') }}
    where sensor_type in {{ sensor_types('stg_brick_counts') }}
    group by device_id
),

changes as (
    select production_line, started_at as changed_at
    from (
        select
            *,
            lag(brick_type) over (partition by production_line order by started_at)
                as previous_brick_type
        from {{ ref('line_assignments') }}
    ) as assignments
    where brick_type <> previous_brick_type
),

judged as (
    select
        standstills.*,
        devices.ideal_rate_per_hour,
        devices.is_registered,
        {{ production_date('standstills.starts_at') }} as production_date,
        case
            when state = 'planned_stop' then 'planned'
            when state = 'micro_stop' then 'micro_stop'
            when state = 'unobserved' then case
                when silent_sibling_count >= comms_loss * watched_sibling_count
                    then 'comms_loss'
                when watched_sibling_count > 0
                    and coalesce(before_it_moves, true)
                    and coalesce(after_it_moves, true) then 'sensor_silence'
                else 'unknown_silence'
            end
            -- The new type reaches a stage when its bricks do.
            when exists (
                select from changes
                where {{ is_of_the_line('changes', 'standstills') }}
                    and changed_at + interval '1 minute' * minutes_since_press
                    between standstills.starts_at - limits.changeover
                    and standstills.ends_at
            ) then 'changeover'
            when is_blocked and coalesce(after_it_stood_longer or not is_starved, true)
                then 'blocked'
            when is_starved then 'starved'
            else 'breakdown'
        end as kind
    from int_standstills as standstills
    inner join devices on standstills.device_id = devices.device_id
    inner join limits on standstills.device_id = limits.device_id
    left join int_standstill_neighbours as neighbours
        on standstills.device_id = neighbours.device_id
        and standstills.starts_at = neighbours.starts_at
)

select
    md5(
        judged.device_id || extract(epoch from judged.starts_at)::text
    ) as event_id,
    judged.device_id,
    judged.production_line,
    judged.stage,
    judged.kind,
    shifts.shift_name,
    judged.first_measurement_id,
    judged.last_measurement_id,
    judged.seconds as duration_seconds,
    case
        when judged.kind = 'planned' then 0
        when judged.state <> 'unobserved' and judged.is_registered
            then round(judged.seconds * judged.ideal_rate_per_hour / 3600, 3)
    end as lost_units,
    judged.state = 'downtime' as is_downtime,
    not judged.is_open and not judged.ends_in_silence as is_end_seen,
    judged.production_date,
    judged.starts_at as started_at,
    case when not judged.is_open then judged.ends_at end as ended_at,
    judged.ends_at as seen_until
from judged
left join shifts
    on judged.production_date = shifts.production_date
    and judged.starts_at >= shifts.start_time
    and judged.starts_at < shifts.end_time
