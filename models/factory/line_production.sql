-- One row per line and shift: the bricks at its end, the last stage that reported.
with brick_production_stats as (select * from {{ ref('brick_production_stats') }}),

stages as (select * from {{ ref('stages') }}),

by_stage as (
    select
        stats.production_line,
        string_agg(distinct stats.stage, ', ') as stage,
        stats.shift_name,
        stats.shift_number,
        -- By their names the least settled is the last.
        max(stats.period_status) as period_status,
        coalesce(stages.stage_index, 0) as stage_index,
        sum(stats.count_increment)::bigint as count_increment,
        sum(stats.measured_increment)::bigint as measured_increment,
        sum(stats.estimated_increment)::bigint as estimated_increment,
        sum(stats.error_count)::bigint as error_count,
        stats.production_date,
        stats.start_time,
        stats.end_time
    from brick_production_stats as stats
    left join stages on stats.stage = stages.stage
    where stats.count_increment is not null
    group by
        stats.production_line, stats.shift_name, stats.shift_number,
        coalesce(stages.stage_index, 0), stats.production_date,
        stats.start_time, stats.end_time
)

-- A brick passes every stage and counts once. Where the counters at the end of the line
-- are silent for a shift, the stage before them stands in.
select distinct on (production_line, start_time)
    {{ described_columns() }}
from by_stage
order by production_line asc, start_time asc, stage_index desc
