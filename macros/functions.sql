{#- Small functions SQL cannot do without, created in the staging schema.
    A guarded block: two builds that start at once would otherwise collide on
    `create or replace`, and an existing function is left alone. -#}
{% macro create_functions() -%}
{%- set schema = schema_of('stg_') -%}
{%- call statement('create_functions') -%}
do $create$
begin
    perform pg_advisory_xact_lock(hashtext('brickworks create_functions'));
    create schema if not exists {{ adapter.quote(schema) }};

    if to_regprocedure('{{ adapter.quote(schema) }}.try_jsonb(text)') is null then
        -- A cast that fails ends the statement, and one message must not end a build.
        create function {{ adapter.quote(schema) }}.try_jsonb(json_text text)
        returns jsonb language plpgsql immutable strict as $body$
        begin
            return json_text::jsonb;
        exception when others then
            return null;
        end
        $body$;
    end if;

    if to_regprocedure('{{ adapter.quote(schema) }}.refuse(text)') is null then
        -- Ends a statement in a sentence.
        create function {{ adapter.quote(schema) }}.refuse(sentence text)
        returns boolean language plpgsql as $body$
        begin
            raise exception using message = sentence;
        end
        $body$;
    end if;

    if to_regprocedure('{{ adapter.quote(schema) }}.code_of_view(text)') is null then
        -- The same in every session: moments are written out by its clock and formats.
        create function {{ adapter.quote(schema) }}.code_of_view(view text)
        returns text language sql stable strict
        set timezone = 'UTC' set datestyle = 'ISO, YMD' set intervalstyle = 'postgres'
        set search_path = pg_catalog as $body$
            select pg_get_viewdef(view::regclass)
        $body$;
    end if;

    if to_regprocedure('{{ adapter.quote(schema) }}.next_free(timestamptz, timestamptz, timestamptz)') is null then
        -- State function of `claimed_until`: an excursion that starts from a row
        -- inside an earlier excursion is none.
        create function {{ adapter.quote(schema) }}.next_free(
            claimed_until timestamptz, base_at timestamptz, ends_at timestamptz
        )
        returns timestamptz language sql immutable as $body$
            select case
                when base_at >= coalesce(claimed_until, '-infinity') then ends_at
                else claimed_until
            end
        $body$;
        create aggregate {{ adapter.quote(schema) }}.claimed_until(
            base_at timestamptz, ends_at timestamptz
        ) (sfunc = {{ adapter.quote(schema) }}.next_free, stype = timestamptz);
    end if;
end
$create$
{%- endcall -%}
{%- endmacro %}

{#- The schema-qualified name of one of them. -#}
{% macro function_name(name) -%}
    {{ adapter.quote(schema_of('stg_')) }}.{{ name }}
{%- endmacro %}
