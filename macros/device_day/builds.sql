{#- What each model has built: one row per model, sensor type, device and production day,
    written in the transaction that writes the model's rows. No model of dbt's, because
    all of them write to it. -#}
{% macro builds() -%}
    {{ adapter.quote(schema_of('int_')) }}.device_day_builds
{%- endmacro %}


{#- What each model was last built from: one row per model. -#}
{% macro model_builds() -%}
    {{ adapter.quote(schema_of('int_')) }}.model_builds
{%- endmacro %}


{#- Guarded, because `create index if not exists` waits for whoever writes to the table. -#}
{% macro create_builds() -%}
{%- call statement('create_builds') -%}
do $create$
begin
    perform pg_advisory_xact_lock(hashtext('brickworks create_builds'));
    create schema if not exists {{ adapter.quote(schema_of('int_')) }};

    if to_regclass({{ literal(builds()) }}) is null then
        create table {{ builds() }} (
            model text,
            sensor_type text,
            device_id text,
            production_date date,
            code_version text,
            settings_version bigint,
            fingerprint bigint, -- of these and of all else; NULL: a day no longer
            is_due boolean not null, -- true only inside the transaction that builds
            reads_beside timestamptz[], -- from when until when other days are read, in pairs
            row_count bigint,
            -- What other days may read of this one (config `border`).
            head_from timestamptz,
            head_until timestamptz,
            head_hash numeric,
            is_full_head boolean,
            tail_from timestamptz,
            tail_until timestamptz,
            tail_hash numeric,
            is_full_tail boolean,
            primary key (model, sensor_type, device_id, production_date)
        );
        {#- Days without rows have no border: who looks for the nearest one must not pass them all. -#}
        {%- for end in ['head', 'tail'] %}
        create index device_day_builds_{{ end }}s on {{ builds() }}
            (model, sensor_type, device_id, production_date) where {{ end }}_hash is not null;
        {%- endfor %}
    end if;

    if to_regclass({{ literal(model_builds()) }}) is null then
        create table {{ model_builds() }} (
            model text primary key,
            relation text not null,
            code text not null, -- hash of its code, config and columns
            built_from text not null, -- hash of that and of the versions of all it reads
            version text not null, -- another one whenever its rows or its code change
            stands_as text not null -- by what the relation is known again
        );
    end if;
end
$create$
{%- endcall -%}
{%- if execute %}{% do adapter.look_at_model_builds(model_builds()) %}{% endif -%}
{%- endmacro %}
