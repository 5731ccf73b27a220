{#- Pre-hook of every incremental model, in its transaction and under its lock: deletes
    the device-days that were built from something else than what is there now, and the
    model then appends what is missing. Day by day, so that each delete goes through the
    index however many days the planner expects. -#}
{% macro forget_stale_days(days) -%}
{%- if is_incremental() -%}
do $forget$
declare
    stale record;
begin
    for stale in
        select days.*
        from (select * from {{ days }}) as days
        where {{ is_of_the_domain() }}
            and {{ stored_fingerprint(this, 'days.production_date') }}
            <> {{ fingerprint() }}
            {%- if day_settings().get('reads_raw') %}
            and not days.is_expired
            {%- endif %}
    loop
        delete from {{ this }} as built where {{ is_of_the_day('built', 'stale') }};
    end loop;
end
$forget$
{%- endif -%}
{%- endmacro %}
