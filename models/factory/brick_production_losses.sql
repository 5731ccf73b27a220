-- One row per device and shift: where the seconds of its busy time went, and how often
-- it failed.
with brick_production_stats as (
    select
        *,
        running_seconds + micro_stop_seconds as run_seconds
    from {{ ref('brick_production_stats') }}
),

int_downtime_shifts as (select * from {{ ref('int_downtime_shifts') }}),

-- What the pieces needed at the ideal rate, and what the good ones among them did.
nets as (
    select
        stats.*,
        coalesce(stops.breakdown_seconds, 0) as breakdown_seconds,
        coalesce(stops.changeover_seconds, 0) as changeover_seconds,
        coalesce(stops.external_idle_seconds, 0) as external_idle_seconds,
        coalesce(stops.breakdown_count, 0) as breakdown_count,
        coalesce(stops.repaired_count, 0) as repaired_count,
        stops.repair_seconds,
        case
            when error_count > 0
                then coalesce(stops.startup_error_count, 0) / error_count
            when error_count = 0 then 0
        end as startup_share,
        case
            when run_seconds = 0 then 0 else round(performance * run_seconds, 3)
        end as net_seconds
    from brick_production_stats as stats
    left join int_downtime_shifts as stops
        on stats.device_id = stops.device_id
        and stats.start_time = stops.start_time
),

effective as (
    select
        *,
        case
            when net_seconds = 0 then 0 else round(quality * net_seconds, 3)
        end as effective_seconds
    from nets
),

-- Each loss is what it leaves of the one before: they add up however they are rounded.
final as (
    select
        device_id, production_line, stage, shift_name,
        calendar_seconds, planned_stop_seconds, unobserved_seconds,
        observed_busy_seconds, downtime_seconds, breakdown_seconds,
        changeover_seconds, external_idle_seconds,
        micro_stop_seconds as minor_stop_seconds,
        run_seconds,
        run_seconds - micro_stop_seconds - net_seconds as reduced_speed_seconds,
        net_seconds,
        case
            when net_seconds = 0 then 0
            else round((net_seconds - effective_seconds) * startup_share, 3)
        end as startup_reject_seconds,
        effective_seconds,
        breakdown_count, repaired_count, repair_seconds,
        round(run_seconds / nullif(breakdown_count, 0), 3) as mtbf_seconds,
        case when breakdown_count = 0 then run_seconds end
            as mtbf_lower_bound_seconds,
        round(repair_seconds / nullif(repaired_count, 0), 3) as mttr_seconds,
        production_date, start_time, end_time
    from effective
)

select
    device_id, production_line, stage, shift_name, calendar_seconds,
    planned_stop_seconds, unobserved_seconds, observed_busy_seconds, run_seconds,
    downtime_seconds, breakdown_seconds, changeover_seconds, external_idle_seconds,
    minor_stop_seconds, reduced_speed_seconds, net_seconds, startup_reject_seconds,
    net_seconds - effective_seconds - startup_reject_seconds as process_defect_seconds,
    effective_seconds, breakdown_count, repaired_count, repair_seconds, mtbf_seconds,
    mtbf_lower_bound_seconds, mttr_seconds, production_date, start_time, end_time
from final
