-- One row per grain, device and period: its facts, set against the ideal rate and the
-- target: speeds, OEE and its factors, named as in ISO 22400-2.
with int_brick_production_calendar as (
    select
        *,
        running_seconds + micro_stop_seconds as run_seconds
    from {{ ref('int_brick_production_calendar') }}
),

-- At hand for every period of the day, not aggregated for each.
limits as materialized (
    select
        device_id,
        max(low) filter (where metric = 'target_share') as target_share,
        max(low) filter (where metric = 'observability') as reliable_from
    from {{ ref('device_thresholds') }}
    where sensor_type in {{ sensor_types('stg_brick_counts') }}
    group by device_id
),

targets as (
    select
        periods.*,
        limits.reliable_from,
        coalesce(target_rate_per_hour, limits.target_share * ideal_rate_per_hour)
            as target_rate,
        round(1 - distrusted_count::numeric / nullif(reading_count, 0), 6)
            as counter_integrity,
        round(error_count::numeric / nullif(measured_increment, 0), 6) as error_rate,
        round(measured_increment * 3600 / nullif(observed_busy_seconds, 0), 3)
            as avg_speed,
        round(measured_increment * 3600 / nullif(running_seconds, 0), 3) as run_speed,
        round(
            observed_busy_seconds / nullif(calendar_seconds - planned_stop_seconds, 0),
            9
        ) as observability_ratio,
        round(run_seconds / nullif(observed_busy_seconds, 0), 9) as availability,
        case when observed_busy_seconds > 0 then round(
            measured_increment * 3600 / ideal_rate_per_hour / nullif(run_seconds, 0), 9
        ) end as performance_raw,
        case when counts_scrap and observed_busy_seconds > 0 and measured_increment > 0
            then round(greatest(1 - error_count::numeric / measured_increment, 0), 9)
        end as raw_quality
    from int_brick_production_calendar as periods
    left join limits on periods.device_id = limits.device_id
),

-- `least` and `greatest` would take a NULL for no limit.
factors as (
    select
        *,
        case when performance_raw > 1 then 1 else performance_raw end as performance,
        case when error_count is not null then raw_quality end as quality
    from targets
),

products as (
    select
        *,
        case
            when observed_busy_seconds > 0 and measured_increment = 0 then 0
            else round(availability * performance, 9)
        end as oee_without_quality,
        case
            when observed_busy_seconds > 0 and measured_increment = 0 then 0
            else round(availability * performance * quality, 9)
        end as oee
    from factors
)

select
    *,
    round(
        oee * observed_busy_seconds
        / nullif(calendar_seconds - unobserved_seconds, 0), 9
    ) as teep,
    performance_raw > 1 as is_over_ideal,
    observability_ratio >= reliable_from as is_reliable,
    round(target_rate * (calendar_seconds - planned_stop_seconds) / 3600, 3)
        as target_count,
    round(count_increment / nullif(
        target_rate * (calendar_seconds - planned_stop_seconds) / 3600, 0
    ), 6) as target_attainment_ratio,
    round(100 * avg_speed / target_rate, 3) as efficiency
from products
