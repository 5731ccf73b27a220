{#- Pre-hook of every incremental model, in its transaction and under its lock: deletes
    the device-days that were built from something else than what is there now, and the
    model then appends what is missing. Day by day, so that each delete goes through the
    index however many days the planner expects. Says in passing, for this transaction
    only, whether anything is left to append: see `has_days_to_build`. -#}
{% macro forget_stale_days(days) -%}
{%- if is_incremental() -%}
do $forget$
declare
    day record;
    -- A column the table lacks is taken up even if there is no row to append.
    is_unbuilt boolean := exists (
        select from unnest(array[
            {%- for name in model.columns -%}
                '{{ name }}'{{ ', ' if not loop.last }}
            {%- endfor -%}
        ]::name[]) as described (name)
        where not exists (
            select from pg_attribute
            where attrelid = '{{ this }}'::regclass
                and attname = described.name
                and not attisdropped
        )
    );
begin
    for day in
        select found.*
        from (
            select
                days.*,
                {{ stored_fingerprint(this, 'days.production_date') }} as built_as,
                {{ fingerprint() }} as wanted,
                ({{ day_settings().get('builds_days_with', 'true') }}) as has_rows
            from (select * from {{ days }}) as days
            where {{ is_of_the_domain() }}
            offset 0
        ) as found
        where built_as is distinct from wanted
            {%- if day_settings().get('reads_raw') %}
            and not (is_expired and built_as is not null)
            {%- endif %}
    loop
        is_unbuilt := is_unbuilt or day.has_rows;
        if day.built_as is not null then
            delete from {{ this }} as built where {{ is_of_the_day('built', 'day') }};
        end if;
    end loop;
    perform set_config(
        'brickworks.days_to_build', case when is_unbuilt then 'some' else 'none' end, true
    );
end
$forget$
{%- endif -%}
{%- endmacro %}
