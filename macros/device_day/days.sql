{#- The device-days that this run builds of this model: their keys, `starts_at`, `ends_at`,
    `code_version`, and the columns that are asked for. What is asked for is in the
    fingerprint. In a unit test: those of the fixture.

    `of`: the days of a model that reads raw messages are those of the ledger. -#}
{% macro days(columns=[], of='device_days') -%}
    (
        {#- What stands between these marks is no code of the model's. #}
        /*[ days {{ columns | sort | join(' ') }} ]*/
        select
            days.sensor_type, days.device_id, days.production_date,
            {{ local_moment('days.production_date', day_start()) }} as starts_at,
            {{ local_moment('(days.production_date + 1)', day_start()) }} as ends_at
            {%- for column in columns %}, days.{{ column }}{% endfor %},
        {%- if model.resource_type == 'unit_test' %}
            'unit_test' as code_version,
            '{}'::timestamptz[] as reads_beside
        from (select * from {{ ref(of) }}) as days
        {%- else %}
            due.code_version,
            due.reads_beside
        from (select * from {{ ref(of) }}) as days
        inner join pg_temp.due_days as due on {{ same_device_day('due', 'days') }}
        offset 0 -- from the days that are due to their rows, never the other way
        {%- endif %}
        /*[ end ]*/
    )
{%- endmacro %}
