{#- A table of device-days. A run, in one transaction and under the model's lock, marks the
    days whose wanted fingerprint is not the built one, deletes their rows, inserts what the
    model's select gives for them, and notes what was built. With nothing due it only
    marks. See docs/incremental.md. -#}
{% materialization device_day, adapter='postgres', supported_languages=['sql', 'python'] %}
  {%- set built = adapter.device_day(model, var) -%}
  {%- set existing = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set is_new = existing is none or not existing.is_table -%}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}

  {%- if is_new and existing is not none -%}
    {%- do adapter.drop_relation(existing) -%}
  {%- endif -%}

  {#- With --empty no row is read, so nothing is noted as built; a table that stands is left
      alone. -#}
  {%- if flags.EMPTY %}
    {%- set due = 0 -%}
    {%- if not is_new -%}
      {%- call statement('main') %}select where false{% endcall -%}
    {%- endif -%}
  {%- else %}
    {%- call statement('main') -%}{{ mark_due_days(is_new) }}{%- endcall -%}
    {%- set due = load_result('main').response.rows_affected -%}
  {%- endif -%}

  {%- if due > 0 or is_new %}
    {#- The days to build, in a table of the transaction's own: without statistics the
        planner takes many for one, and to analyze the table of what is built would keep all
        other models from doing so until this one has ended. -#}
    {%- set take_due_days -%}
      create temporary table pg_temp.due_days on commit drop as
      select sensor_type, device_id, production_date, code_version, reads_beside
      from {{ builds() }} where model = '{{ model.name }}' and is_due;
      analyze pg_temp.due_days
    {%- endset -%}
    {%- do run_query(take_due_days) -%}

    {%- set rows = compiled_code -%}
    {%- if model.language == 'python' -%}
      {#- It runs here. What it imports by session.days() and session.reads(), as SQL: -#}
      {%- set imports = {} -%}
      {%- for table in built.tables -%}
        {%- do imports.update({built.named(table).relation_name: reads(table)}) -%}
      {%- endfor -%}
      {%- do imports.update({
        built.days.relation_name: days(config.get('days') or [], of=built.days.name)
      }) -%}
      {%- set rows = adapter.stage_python_model(
        model, compiled_code, flags.EMPTY, imports) -%}
    {%- endif -%}
    {%- set select_rows -%}
      select {{ built.typed_columns() }} from (
        {{ rows }}
      ) as built
    {%- endset -%}

    {%- if is_new %}
      {%- set build = create_table_as(False, target_relation, select_rows) -%}
    {%- else %}
      {#- All days are due if the columns are others, which are part of the code; but for
          those whose raw messages are no longer kept. -#}
      {%- set columns = 'select ' ~ built.typed_columns('null') -%}
      {%- set kept = 'select from ' ~ builds() ~ " where model = '" ~ model.name
        ~ "' and not is_due limit 1" -%}
      {%- if match_columns(existing, query=columns) == 'emptied'
        and run_query(kept).rows | length > 0 -%}
        {{ exceptions.raise_compiler_error(
          'Other types of columns would empty ' ~ model.name ~ ', and days before'
          ~ ' raw_kept_from could not be built again: give the column another name, or let'
          ~ " them go with --vars 'forget_missing_days: true'."
        ) }}
      {%- endif -%}

      {#- Somebody may have built on rows that were too few or too many: the fingerprint
          does not tell. What reads a table that is mended is built again, and then what
          reads that. -#}
      {%- set mended -%}
        select distinct device_id, sensor_type from {{ builds() }}
        where model = '{{ model.name }}' and is_due and row_count < 0
      {%- endset -%}
      {%- if run_query('select exists (' ~ mended ~ ')').rows[0][0] -%}
        {%- do run_query(
          'update ' ~ builds() ~ ' as built set row_count = -1'
          ~ ' from (' ~ mended ~ ') as mended'
          ~ " where built.model in ('" ~ built.readers | join("', '") ~ "')"
          ~ ' and built.device_id = mended.device_id'
          ~ ' and built.sensor_type = mended.sensor_type'
        ) -%}
      {%- endif -%}

      {#- A table of which nothing is noted is emptied: nobody knows of what its rows are. -#}
      {%- set delete_due_days -%}
        delete from {{ this }} where not exists (
          select from {{ builds() }} where model = '{{ model.name }}' and not is_due
        );
        delete from {{ this }} as stored
        using pg_temp.due_days as due
        where {{ same_device_day(
          'stored', 'due', has_types='sensor_type' in model.columns) }}
      {%- endset -%}
      {%- do run_query(delete_due_days) -%}
      {%- set build -%}
        insert into {{ this }} ({{ get_quoted_csv(model.columns) }}) {{ select_rows }}
      {%- endset -%}
    {%- endif %}

    {%- if flags.EMPTY %}
      {%- call statement('main') %}{{ build }}{% endcall -%}
    {%- else %}
      {#- Where it reads raw messages: the view they are read through, and a select of the
          ids of one day's, to name the message that breaks a statement. -#}
      {%- set view, ids = none, none -%}
      {%- if built.reads_raw %}
        {%- set view = built.named('stg_measurements').relation_name -%}
        {%- set ids -%}
          select measurement_id
          from (
            select * from {{ built.named('int_message_days').relation_name }}
            where sensor_type = {sensor_type} and device_id = {device_id}
              and production_date = {production_date}
          ) as days
          cross join lateral {{ messages_of(view, 'days') }} as messages
        {%- endset -%}
      {%- endif -%}
      {%- set written = adapter.build_days(
        build, select_rows, 'pg_temp.due_days', view, ids) -%}
    {%- endif -%}
    {%- if is_new %}{% do create_indexes(target_relation) %}{% endif -%}

    {%- if not flags.EMPTY %}
      {%- do store_raw_result(
        'main', message='BUILD ' ~ written, code='BUILD', rows_affected=written) -%}
      {#- The models that read it next plan with what is in it now. -#}
      {%- if due > 100 %}{% do run_query('analyze ' ~ this) %}{% endif -%}
      {%- set noted = run_query(note_built_days()).rows[0][0] -%}
      {%- if written != noted %}
        {{ exceptions.raise_compiler_error(
          model.name ~ ' wrote ' ~ written ~ ' rows, ' ~ noted ~ ' of them of the days it'
          ~ ' was asked for: each row needs device_id and production_date of days().'
        ) }}
      {%- endif %}
    {%- endif %}
  {%- elif not flags.EMPTY
    and not run_query('select true as is_there from ' ~ this ~ ' limit 1').rows | length %}
    {#- Other columns make all days due: where there is no sensor of the kind, none. -#}
    {%- do match_columns(existing, query='select ' ~ built.typed_columns('null')) -%}
  {%- endif -%}
  {%- if not flags.EMPTY -%}
    {%- do adapter.note_model(model.unique_id, is_new or due > 0) -%}
  {%- endif -%}

  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {%- do apply_grants(
    target_relation, config.get('grants'), should_revoke=should_revoke(existing, is_new)) -%}
  {%- do persist_docs(target_relation, model) -%}
  {{ adapter.commit() }}
  {#- In a transaction of its own: the lock of `analyze` is kept until the end. -#}
  {%- if due > 100 %}
    {%- call statement('analyze_builds', auto_begin=True) -%}
      analyze (skip_locked) {{ builds() }}
    {%- endcall -%}
    {{ adapter.commit() }}
  {%- endif %}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{#- Marks the days to build. The model's lock was taken before, by its hook, in a statement
    of its own: this one sees what others have built. -#}
{% macro mark_due_days(is_new) -%}
{%- set built = adapter.device_day(model, var) -%}
{%- set version = adapter.code_version(model, compiled_code) -%}
{#- What raw messages no longer show nothing can bring back. -#}
{%- set can_be_built_again -%}
    {%- if not built.keeps_expired %} true
    {%- else %}
    not exists (
        select from {{ built.days.relation_name }} as days
        where days.is_expired and {{ same_device_day('days', 'built') }}
    )
    {%- endif %}
{%- endset -%}
{%- if is_new %}
delete from {{ builds() }} where model = '{{ model.name }}';
{%- elif should_full_refresh() %}
update {{ builds() }} as built set fingerprint = null
where built.model = '{{ model.name }}'
    and {{ can_be_built_again }};
{%- endif %}
{%- if not is_new %}
{#- Days whose rows are not as many as were built: somebody deleted or added some. Only a
    run that trusts nothing (`reconcile: full`) counts; any sees that a table is empty. #}
update {{ builds() }} as built
set row_count = -1
where built.model = '{{ model.name }}'
    {%- if var('reconcile') == 'full' %}
    and (select count(*) from {{ this }}) <> (
        select coalesce(sum(row_count), 0) from {{ builds() }}
        where model = '{{ model.name }}'
    )
    and built.row_count <> (
        select count(*) from {{ this }} as stored
        where {{ same_device_day(
            'stored', 'built', has_types='sensor_type' in model.columns) }}
    )
    {%- else %}
    and built.row_count > 0
    and not exists (select from {{ this }})
    {%- endif %}
    and {{ can_be_built_again }};
{%- endif %}
insert into {{ builds() }} as built (
    model, sensor_type, device_id, production_date, code_version, settings_version,
    fingerprint, is_due, reads_beside
)
select
    '{{ model.name }}', sensor_type, device_id, production_date, wanted.code_version,
    wanted.settings_version, wanted.fingerprint, true, wanted.reads_beside
from ({{ wanted_days(model, adapter.imported_columns(compiled_code), version) }}) as wanted
full join (
    select sensor_type, device_id, production_date, fingerprint, row_count
    from {{ builds() }} where model = '{{ model.name }}'
) as built using (sensor_type, device_id, production_date)
where wanted.fingerprint is distinct from built.fingerprint
    or built.fingerprint is null
    or coalesce(built.row_count, -1) < 0
on conflict (model, sensor_type, device_id, production_date) do update
set code_version = excluded.code_version, settings_version = excluded.settings_version,
    fingerprint = excluded.fingerprint, is_due = true, reads_beside = excluded.reads_beside
{%- endmacro %}
