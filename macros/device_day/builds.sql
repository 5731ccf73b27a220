{#- What each model has built: one row per model, sensor type, device and production day,
    written in the transaction that writes the model's rows. No model of dbt's, because
    all of them write to it. -#}
{% macro builds() -%}
    {{ adapter.quote(generate_schema_name(none, {'name': 'int_'}) | trim) }}.device_day_builds
{%- endmacro %}


{% macro create_builds() -%}
{%- set schema = adapter.quote(generate_schema_name(none, {'name': 'int_'}) | trim) -%}
{%- call statement('create_builds') -%}
select pg_advisory_xact_lock(hashtext('brickworks create_builds'));
create schema if not exists {{ schema }};
create table if not exists {{ builds() }} (
    model text,
    sensor_type text,
    device_id text,
    production_date date,
    fingerprint uuid, -- NULL: a day no longer, its rows are to be deleted
    is_due boolean not null, -- true only inside the transaction that builds
    reads_beside jsonb, -- ranges of time read of other days, by table
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
    primary key (model, device_id, production_date, sensor_type)
)
{%- endcall -%}
{%- endmacro %}
