-- One row per message that no domain judged, or that was judged more than once, without
-- one of the four verdicts, or with a reason that does not go with it.
{%- set known = "coalesce(ingested_at < '" ~ run_started_at ~ "', true)" %}

with stg_measurements as (

    select measurement_id, sensor_type
    from {{ ref('stg_measurements') }}
    where sensor_type in {{ sensor_types() }} and {{ known }}

),

verdicts as (

    {%- for staging_model in var('sensor_domains').values() | unique %}
    {{ 'union all' if not loop.first }}
    select measurement_id, verdict, rejection_reason
    from {{ ref(staging_model) }}
    where {{ known }}
    {%- endfor %}

),

judgements as (

    select
        measurement_id,
        count(verdicts.measurement_id) as times,
        string_agg(coalesce(verdict, 'no verdict'), ', ' order by verdict) as verdicts,
        bool_and(
            verdict in ('reading', 'health', 'duplicate', 'rejected')
            and (verdict = 'rejected') = (rejection_reason is not null)
        ) as is_sound
    from stg_measurements
    full join verdicts using (measurement_id)
    group by measurement_id

)

select * from judgements
where times <> 1 or is_sound is not true
