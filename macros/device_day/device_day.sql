{#- A table of device-days. A run, in one transaction and under the model's lock, marks the
    days whose wanted fingerprint is not the built one, deletes their rows, inserts what the
    model's select gives for them, and notes what was built. With nothing due it only
    marks. See docs/incremental.md. -#}
{% materialization device_day, adapter='postgres', supported_languages=['sql', 'python'] %}
  {%- set existing = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set is_new = existing is none or not existing.is_table -%}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}

  {%- if is_new and existing is not none %}{% do adapter.drop_relation(existing) %}{% endif -%}

  {%- if flags.EMPTY %}
    {#- No row is read, so nothing is noted as built; a table that stands is left alone. -#}
    {%- if is_new %}
      {%- do run_query(take_due_days()) -%}
      {%- call statement('main') -%}
        {{ create_table_as(False, target_relation, rows_of_model()) }}
      {%- endcall -%}
      {%- do create_indexes(target_relation) -%}
    {%- else %}{% call statement('main') %}select where false{% endcall %}
    {%- endif -%}
  {%- else %}
    {%- call statement('main') -%}{{ mark_due_days(is_new, anew=should_full_refresh()) }}{%- endcall -%}
    {%- set due = load_result('main').response.rows_affected -%}
    {%- if due > 0 or is_new %}
      {%- do run_query(take_due_days()) -%}
      {%- set select_rows = rows_of_model() -%}
      {%- if is_new %}
        {%- set statement_of_days = create_table_as(False, target_relation, select_rows) -%}
      {%- else %}
        {%- do take_columns_of_model(existing) -%}
        {%- do forget_days_of_readers() -%}
        {%- do run_query(delete_due_days()) -%}
        {%- set statement_of_days -%}
          insert into {{ this }} ({{ get_quoted_csv(model.columns) }}) {{ select_rows }}
        {%- endset -%}
      {%- endif %}
      {%- set written = adapter.build_days(statement_of_days, select_rows, due_days(), *raw_messages()) -%}
      {%- if is_new %}{% do create_indexes(target_relation) %}{% endif -%}
      {%- do store_raw_result('main', message='BUILD ' ~ written, code='BUILD', rows_affected=written) -%}
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
    {%- do adapter.note_model(model.unique_id, is_new or due > 0) -%}
  {%- endif %}

  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {%- do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(existing, is_new)) -%}
  {%- do persist_docs(target_relation, model) -%}
  {{ adapter.commit() }}
  {#- In a transaction of its own: the lock of `analyze` is kept until the end. -#}
  {%- if due is defined and due > 100 %}
    {%- call statement('analyze_builds', auto_begin=True) %}analyze (skip_locked) {{ builds() }}{% endcall -%}
    {{ adapter.commit() }}
  {%- endif %}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{#- Marks the days to build. The model's lock was taken before (`lock_model`), in a statement
    of its own: this one sees what others have built. -#}
{% macro mark_due_days(is_new, anew) -%}
{%- set version = adapter.code_version(model, compiled_code) -%}
{%- if is_new %}
delete from {{ builds() }} where model = '{{ model.name }}';
{%- elif anew %}
update {{ builds() }} as built set fingerprint = null
where built.model = '{{ model.name }}'
    and {{ can_be_built_again('built') }};
{%- endif %}
{%- if not is_new %}
{{ forget_days_of_other_rows() }};
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


{#- Days whose rows are not as many as were built: somebody deleted or added some. Only a run
    that trusts nothing (`reconcile: full`) counts; any sees that a table is empty. What raw
    messages no longer show nothing can bring back. -#}
{% macro forget_days_of_other_rows() -%}
update {{ builds() }} as built
set row_count = -1
where built.model = '{{ model.name }}'
    {%- if var('reconcile') == 'full' %}
    and (select count(*) from {{ this }}) <> (
        select coalesce(sum(row_count), 0) from {{ builds() }} where model = '{{ model.name }}'
    )
    and built.row_count <> (
        select count(*) from {{ this }} as stored
        where {{ is_stored_of('built') }}
    )
    {%- else %}
    and built.row_count > 0
    and not exists (select from {{ this }})
    {%- endif %}
    and {{ can_be_built_again('built') }}
{%- endmacro %}


{#- Whether the raw messages of a built day are kept, if the model reads these. -#}
{% macro can_be_built_again(built) -%}
    {%- if not keeps_expired(model) %} true
    {%- else -%}
    not exists (
        select from {{ model_named(days_of(model)).relation_name }} as days
        where days.is_expired and {{ same_device_day('days', built) }}
    )
    {%- endif -%}
{%- endmacro %}


{#- Somebody may have built on the rows that were too few or too many: the fingerprint does
    not tell. What reads a table that is mended is built again, and then what reads that. -#}
{% macro forget_days_of_readers() -%}
{%- set mended -%}
    select distinct device_id, sensor_type
    from {{ builds() }} where {{ is_to_build() }} and row_count < 0
{%- endset -%}
{%- if run_query('select exists (' ~ mended ~ ')').rows[0][0] -%}
    {%- set readers = [] -%}
    {%- for node in graph.nodes.values() if node.config.materialized == 'device_day'
        and model.name in inputs_of(node).tables and not keeps_expired(node) -%}
        {%- do readers.append(node.name) -%}
    {%- endfor -%}
    {%- do run_query(
        'update ' ~ builds() ~ ' as built set row_count = -1 from (' ~ mended ~ ') as mended'
        ~ " where built.model in ('" ~ readers | join("', '") ~ "')"
        ~ ' and built.device_id = mended.device_id'
        ~ ' and built.sensor_type = mended.sensor_type'
    ) -%}
{%- endif -%}
{%- endmacro %}


{#- Deletes the rows of the days that are due. A table of which nothing is noted is emptied:
    nobody knows of what its rows are. -#}
{% macro delete_due_days() -%}
delete from {{ this }} where not exists (
    select from {{ builds() }} where model = '{{ model.name }}' and not is_due
);
delete from {{ this }} as stored
using {{ due_days() }} as due
where {{ is_stored_of('due') }}
{%- endmacro %}


{#- The model's rows, in the columns of its YAML, as a select. A Python model runs here, into
    a temporary table. -#}
{% macro rows_of_model() -%}
    {%- set rows = compiled_code -%}
    {%- if model.language == 'python' -%}
        {%- set rows = adapter.stage_python_model(model, compiled_code, flags.EMPTY, imports()) -%}
    {%- endif -%}
    select {{ typed_columns() }} from (
      {{ rows }}
    ) as built
{%- endmacro %}


{#- What a Python model imports by `session.days()` and `session.reads()`, as SQL. -#}
{% macro imports() -%}
    {%- set found = {} -%}
    {%- for name in inputs_of(model).tables -%}
        {%- do found.update({model_named(name).relation_name: reads(name)}) -%}
    {%- endfor -%}
    {%- do found.update({model_named(days_of(model)).relation_name: days(config.get('days') or [], of=days_of(model))}) -%}
    {{ return(found) }}
{%- endmacro %}


{#- The columns of the model's YAML in their types: of its rows, or of one value. -#}
{% macro typed_columns(value=none) -%}
    {%- for column in model.columns.values() -%}
        {%- set name = adapter.quote(column.name) -%}
        {{ value or name }}::{{ column.data_type }} as {{ name }}{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}


{#- Gives the table the columns of the model. All its days are due then, for the columns are
    part of the code; but for those whose raw messages are no longer kept. -#}
{% macro take_columns_of_model(existing) -%}
    {%- if match_columns(existing, query='select ' ~ typed_columns('null')) == 'emptied' and run_query(
        'select from ' ~ builds() ~ " where model = '" ~ model.name ~ "' and not is_due limit 1"
    ).rows | length > 0 -%}
        {{ exceptions.raise_compiler_error(
            'Other types of columns would empty ' ~ model.name ~ ', and days before raw_kept_from'
            ~ ' could not be built again: give the column another name, or let them go with'
            ~ " --vars 'forget_missing_days: true'."
        ) }}
    {%- endif -%}
{%- endmacro %}


{#- The days to build, as a predicate of what is built. -#}
{% macro is_to_build() -%}
    model = '{{ model.name }}' and is_due
{%- endmacro %}


{#- The days to build, in a table of the transaction's own: without statistics the planner
    takes many for one, and to analyze the table of what is built would keep all other
    models from doing so until this one has ended. -#}
{% macro due_days() -%}
    pg_temp.due_days
{%- endmacro %}


{% macro take_due_days() -%}
create temporary table {{ due_days() }} on commit drop as
select sensor_type, device_id, production_date, code_version, reads_beside
from {{ builds() }} where {{ is_to_build() }};
analyze {{ due_days() }}
{%- endmacro %}


{#- Where a model reads raw messages: the view they are read through, and a select of the
    ids of one day's, to name the message that breaks a statement. -#}
{% macro raw_messages() -%}
    {%- if not inputs_of(model).reads_raw %}{{ return([none, none]) }}{% endif -%}
    {%- set view = model_named('stg_measurements').relation_name -%}
    {%- set ids -%}
        select measurement_id
        from (
            select * from {{ model_named('int_message_days').relation_name }}
            where sensor_type = {sensor_type} and device_id = {device_id}
                and production_date = {production_date}
        ) as days
        cross join lateral {{ messages_of(view, 'days') }} as messages
    {%- endset -%}
    {{ return([view, ids]) }}
{%- endmacro %}
