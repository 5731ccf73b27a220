{#- Start hook: creates what the models need besides each other, where it is not there yet.

    In guarded blocks: two builds that start at once would otherwise collide on `create or
    replace`, and `create index if not exists` waits for whoever writes to the table. What
    exists is left alone. -#}
{% macro prepare_database() -%}
{%- set staging = adapter.quote(schema_of('stg_')) -%}
{%- set intermediate = adapter.quote(schema_of('int_')) -%}

{#- Small functions SQL cannot do without (`function_name`). -#}
{%- call statement('create_functions') -%}
do $create$
begin
    perform pg_advisory_xact_lock(hashtext('brickworks create_functions'));
    create schema if not exists {{ staging }};

    if to_regprocedure('{{ staging }}.try_jsonb(text)') is null then
        -- A cast that fails ends the statement, and one message must not end a build.
        create function {{ staging }}.try_jsonb(json_text text)
        returns jsonb language plpgsql immutable strict as $body$
        begin
            return json_text::jsonb;
        exception when others then
            return null;
        end
        $body$;
    end if;

    if to_regprocedure('{{ staging }}.refuse(text)') is null then
        -- Ends a statement in a sentence.
        create function {{ staging }}.refuse(sentence text)
        returns boolean language plpgsql as $body$
        begin
            raise exception using message = sentence;
        end
        $body$;
    end if;

    if to_regprocedure('{{ staging }}.code_of_view(text)') is null then
        -- The same in every session: moments are written out by its clock and formats.
        create function {{ staging }}.code_of_view(view text)
        returns text language sql stable strict
        set timezone = 'UTC' set datestyle = 'ISO, YMD' set intervalstyle = 'postgres'
        set search_path = pg_catalog as $body$
            select pg_get_viewdef(view::regclass)
        $body$;
    end if;

    if to_regprocedure('{{ staging }}.next_free(timestamptz, timestamptz, timestamptz)') is null then
        -- State function of `claimed_until`: an excursion that starts from a row
        -- inside an earlier excursion is none.
        create function {{ staging }}.next_free(
            claimed_until timestamptz, base_at timestamptz, ends_at timestamptz
        )
        returns timestamptz language sql immutable as $body$
            select case
                when base_at >= coalesce(claimed_until, '-infinity') then ends_at
                else claimed_until
            end
        $body$;
        create aggregate {{ staging }}.claimed_until(
            base_at timestamptz, ends_at timestamptz
        ) (sfunc = {{ staging }}.next_free, stype = timestamptz);
    end if;
end
$create$
{%- endcall -%}

{#- What was built of device-days (`builds`), and of what each model was built last. -#}
{%- set model_builds = intermediate ~ '.model_builds' -%}
{%- call statement('create_builds') -%}
do $create$
begin
    perform pg_advisory_xact_lock(hashtext('brickworks create_builds'));
    create schema if not exists {{ intermediate }};

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

    if to_regclass({{ literal(model_builds) }}) is null then
        create table {{ model_builds }} (
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
{%- do adapter.look_at_model_builds(model_builds) -%}
{%- endmacro %}
