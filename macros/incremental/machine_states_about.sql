{#- The slices of a machine's states that tell when and how its stops about a day begin and
    end: those of the days before and after that are as near to it as the shortest
    downtime is long, as a SELECT. -#}
{% macro machine_states_about(day) -%}
    {%- set length -%} interval '1 second' * {{ var('downtime_from_seconds') }} {%- endset -%}
    {%- set ends_at = local_moment('(' ~ day ~ '.production_date + 1)', day_start()) -%}
    (
        select
            state, is_planned, starts_at,
            least(ends_at, {{ ends_at }} + {{ length }}) as ends_at, seconds
        from (select * from {{ ref('int_machine_states') }}) as states
        where states.device_id = {{ day }}.device_id
            and states.sensor_type = {{ day }}.sensor_type
            and states.starts_at >= {{ ends_at }}
            and states.starts_at < {{ ends_at }} + {{ length }}
    )
{%- endmacro %}


{#- Since when a machine has stood at the start of a day, unplanned; NULL if it has not.
    The last slice before the day, and if that is a stop, the end of the last one that
    is none: or the start of the first of all. -#}
{% macro stopped_since(day='days') -%}
    {%- set starts_at = local_moment(day ~ '.production_date', day_start()) -%}
    {%- set of_the_device -%}
        from (select * from {{ ref('int_machine_states') }}) as before
        where before.device_id = {{ day }}.device_id
            and before.sensor_type = {{ day }}.sensor_type
            and before.ends_at <= {{ starts_at }}
    {%- endset -%}
    (
        select coalesce(
            (
                select before.ends_at {{ of_the_device }}
                    and (before.state <> 'stopped' or before.is_planned)
                order by before.ends_at desc
                limit 1
            ),
            (select min(before.starts_at) {{ of_the_device }})
        )
        from (
            select before.* {{ of_the_device }}
            order by before.ends_at desc
            limit 1
        ) as last_slice
        where state = 'stopped' and not is_planned and ends_at = {{ starts_at }}
    )
{%- endmacro %}


{#- What a day reads of the states about it, as one text. -#}
{% macro states_about_the_day() -%}
    (
        select concat_ws(
            ' ', extract(epoch from {{ stopped_since('days') }}),
            string_agg(
                concat_ws(
                    ' ', state, is_planned, extract(epoch from starts_at),
                    extract(epoch from ends_at)
                ),
                ',' order by starts_at
            )
        )
        from {{ machine_states_about('days') }} as about
    )
{%- endmacro %}
