-- One row per message that was judged more than once, without one of the four
-- verdicts or with a reason that does not go with it; and, on a day whose messages
-- the ledger knows, not at all or without being there.
with stg_measurements as (

    select sensor_type, device_id, production_date, measurement_id, true as has_arrived
    from {{ ref('stg_measurements') }}
    where sensor_type in {{ sensor_types() }}

),

verdicts as (

    {%- for staging_model in staging_models() %}
    {{ 'union all' if not loop.first }}
    select
        sensor_type, device_id, production_date, measurement_id,
        coalesce(verdict, 'no verdict') as verdict, rejection_reason
    from {{ ref(staging_model) }}
    where sensor_type in {{ sensor_types() }}
    {%- endfor %}

),

settled_days as (

    select *, true as is_settled
    from (
        {{ settled_days() }}
    ) as days

),

judgements as (

    select
        sensor_type,
        device_id,
        production_date,
        measurement_id,
        bool_or(has_arrived) as has_arrived,
        count(verdict) as times,
        string_agg(verdict, ', ' order by verdict) as verdicts,
        bool_and(
            verdict in ('reading', 'health', 'duplicate', 'rejected')
            and (verdict = 'rejected') = (rejection_reason is not null)
        ) as is_sound
    from stg_measurements
    full join verdicts using (sensor_type, device_id, production_date, measurement_id)
    group by sensor_type, device_id, production_date, measurement_id

)

select *
from judgements
left join settled_days using (sensor_type, device_id, production_date)
where times > 1
    or not is_sound
    or (is_settled and (times = 0 or has_arrived is null))
