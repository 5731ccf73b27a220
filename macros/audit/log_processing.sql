{#-
    The audit log. dbt calls the first two macros, as hooks:

        on-run-start: "{{ log_run_start(ref('processing_logs')) }}"
        on-run-end: "{{ log_run_end(ref('processing_logs'), results) }}"

    A hook that fails turns a good run red, so no statement here may raise: each one
    goes through audit_attempt, and texts reach SQL as JSON in ASCII only.
-#}

{% macro log_run_start(logs) %}
    {% if execute %}
        {#- Under --empty a ref renders as a subquery, which nothing can be written to. -#}
        {% set logs = logs.incorporate(type='table', limit=none) %}
        {% set run_id = audit_text(invocation_id) %}

        {#- From the model's own columns, constraints and indexes: one definition. dbt lists
            the relations before this hook, so the new one is added to its cache. -#}
        {% set node = graph.nodes.values()
            | selectattr('name', 'equalto', 'processing_logs')
            | selectattr('resource_type', 'equalto', 'model') | first %}
        {% set create_table %}
    perform pg_advisory_xact_lock(hashtext({{ audit_text(logs | string) }}));
    if to_regclass({{ audit_text(logs.include(database=false) | string) }}) is null then
        if to_regnamespace({{ audit_text('"' ~ logs.schema ~ '"') }}) is null then
            create schema {{ logs.include(database=false, identifier=false) }};
        end if;
        create table {{ logs }} (
            {{ adapter.render_raw_columns_constraints(raw_columns=node.columns)
                | join(', ') }},
            {{ adapter.render_raw_model_constraints(raw_constraints=node.constraints)
                | join(', ') }}
        );
        {% for index in node.config.indexes %}
        {{ get_create_index_sql(logs, index) }};
        {% endfor %}
    end if;
        {% endset %}

        {% set delete_old_rows %}
    delete from {{ logs }}
    where started_at < now() - make_interval(
        days => {{ audit_text(var('processing_log_retention_days', 400)) }}::integer
    );
        {% endset %}

        {#- A run lives while a session carries its id in the query comment set in
            dbt_project.yml. Between two nodes a run may have no session for a moment, so
            only a run unseen in twenty looks is dead. A session of dbt that has shown no
            id for a second (a Python model reading its input) may belong to any run. -#}
        {% set close_dead_runs %}
    declare
        dead_runs text[];
    begin
        select array_agg(distinct logs.run_id)
        into dead_runs
        from {{ logs }} as logs
        where logs.status = 'running' and logs.run_id <> {{ run_id }};

        for look in 1..20 loop
            exit when dead_runs is null;
            perform pg_sleep(0.1);
            perform pg_stat_clear_snapshot();
            select array_agg(run_id)
            into dead_runs
            from unnest(dead_runs) as run_id
            where not exists (
                select from pg_stat_activity as session
                where session.datname = current_database()
                    and session.pid <> pg_backend_pid()
                    and session.application_name = current_setting('application_name')
                    and (
                        position('run ' || run_id in session.query) > 0
                        or (
                            session.query not like '%run ________-____-____-____-%'
                            and coalesce(
                                session.query_start
                                    < clock_timestamp() - interval '1 second',
                                true
                            )
                        )
                    )
            );
        end loop;

        update {{ logs }}
        set status = 'failed',
            ended_at = clock_timestamp(),
            error_message = 'The run ended without reporting: it was killed, or lost'
                || ' its database. Closed by run ' || {{ run_id }}
        where status = 'running'
            and run_id <> {{ run_id }}
            and (
                run_id = any(dead_runs)
                or started_at < now() - make_interval(
                    hours => {{ audit_text(var('processing_log_give_up_hours', 24)) }}::integer
                )
            );
    end;
        {% endset %}

        {% if audit_attempt(create_table) and not load_cached_relation(logs) %}
            {% do adapter.cache_added(logs) %}
        {% endif %}
        {% do audit_attempt(delete_old_rows) %}
        {% do audit_attempt(close_dead_runs) %}
        {% set outcomes = [] %}
        {% for node_id in selected_resources %}
            {% set node = graph.nodes.get(node_id) or graph.sources.get(node_id) %}
            {% if node and node.config.materialized != 'ephemeral' %}
                {% do outcomes.append((node, 'running', none)) %}
            {% endif %}
        {% endfor %}
        {% do audit_write(logs, outcomes) %}
    {% endif %}
{% endmacro %}


{% macro log_run_end(logs, results) %}
    {% if execute %}
        {% set logs = logs.incorporate(type='table', limit=none) %}
        {% set statuses = {
            'success': 'success', 'pass': 'success', 'warn': 'success',
            'skipped': 'skipped', 'no-op': 'skipped',
        } %}
        {% set outcomes = [] %}
        {% for result in results if result.node %}
            {% set status = statuses.get(result.status | string, 'failed') %}
            {% do outcomes.append((result.node, status, result)) %}
        {% endfor %}
        {% do audit_write(logs, outcomes) %}
        {% set close_own_run %}
    update {{ logs }}
    set status = 'skipped',
        ended_at = clock_timestamp(),
        duration_seconds = 0,
        error_message = 'dbt ended the run without a result for this node'
    where status = 'running' and run_id = {{ audit_text(invocation_id) }};
        {% endset %}
        {% do audit_attempt(close_own_run) %}
    {% endif %}
{% endmacro %}


{#- Writes the outcome of nodes, each with its status and dbt's result, if there is one. In
    chunks, so that no statement grows with the project. -#}
{% macro audit_write(logs, outcomes) %}
    {% set rows = [] %}
    {% for node, status, result in outcomes %}
        {% set type = node.resource_type | string %}
        {% set path = node.original_file_path | string %}
        {% set materialized = node.config.materialized | default(none) %}
        {% set is_test = type in ['test', 'unit_test'] %}
        {% set writes = type in ['seed', 'snapshot', 'model'] and materialized != 'view' %}
        {% set affected = (result.adapter_response or {}).get('rows_affected') %}
        {% set records = affected | int
            if writes and status == 'success' and affected is not none
                and affected | int >= 0
            else none %}
        {#- Times are texts in UTC. -#}
        {% set started, ended = [], [] %}
        {% for step in result.timing or [] if step.started_at and step.completed_at %}
            {% do started.append(step.started_at.isoformat() ~ 'Z') %}
            {% do ended.append(step.completed_at.isoformat() ~ 'Z') %}
        {% endfor %}
        {% set row = {
            'run_id': invocation_id,
            'node_id': node.unique_id,
            'processing_type': 'test' if is_test
                else 'anomaly_detection' if type == 'model'
                    and (path.endswith('.py') or node.name.endswith('_anomalies'))
                else 'etl' if type in ['seed', 'source', 'snapshot']
                    or node.name[:4] in ['stg_', 'int_'] or '/measurements/' in path
                else 'analytics',
            'model': node.source_name ~ '.' ~ node.name if type == 'source' else node.name,
            'device_scope': (node.meta or {}).get('device_scope', 'all'),
            'started_at': started | min if started else none,
            'ended_at': ended | max if ended else none,
            'duration_seconds': result.execution_time | default(none),
            'status': 'no_data' if records == 0 else status,
            'records_processed': records,
            'records_rejected': result.failures | default(none) if is_test else none,
            'error_message': result.message
                if status in ['failed', 'skipped'] and result.message else none,
            'metadata': {
                'command': invocation_args_dict.get('which'),
                'target': target.name,
                'role': target.user,
                'dbt_version': dbt_version,
                'resource_type': type,
                'materialized': materialized,
                'path': node.original_file_path,
                'dbt_status': result.status | string if result else none,
                'thread': result.thread_id | default(none),
                'empty': flags.EMPTY | default(false, true),
                'full_refresh': flags.FULL_REFRESH | default(false, true),
            },
        } %}
        {#- What jsonb takes: no NUL, no half of a surrogate pair; and of bounded length. -#}
        {% for field in ['model', 'device_scope', 'error_message'] if row[field] is not none %}
            {% do row.update({
                field: (row[field] | string)[:10000].replace('\x00', '')
                    .encode('utf-8', 'replace').decode('utf-8')
            }) %}
        {% endfor %}
        {% do rows.append(row) %}
    {% endfor %}
    {% for chunk in rows | batch(100) %}
        {% set upsert %}
    insert into {{ logs }} as logs (
        run_id, node_id, processing_type, model, device_scope, started_at, ended_at,
        duration_seconds, status, records_processed, records_rejected, error_message,
        metadata
    )
    select
        run_id, node_id, processing_type, model, device_scope,
        coalesce(started_at, clock_timestamp()),
        case when status <> 'running' then coalesce(ended_at, clock_timestamp()) end,
        duration_seconds, status, records_processed, records_rejected, error_message,
        jsonb_strip_nulls(metadata)
    from jsonb_to_recordset({{ audit_text(tojson(chunk)) }}::jsonb) as rows (
        run_id text, node_id text, processing_type text, model text, device_scope text,
        started_at timestamptz, ended_at timestamptz, duration_seconds double precision,
        status text, records_processed bigint, records_rejected bigint,
        error_message text, metadata jsonb
    )
    on conflict (run_id, node_id) do update
    set started_at = excluded.started_at,
        ended_at = excluded.ended_at,
        duration_seconds = excluded.duration_seconds,
        status = excluded.status,
        records_processed = excluded.records_processed,
        records_rejected = excluded.records_rejected,
        error_message = excluded.error_message,
        metadata = logs.metadata || excluded.metadata;
        {% endset %}
        {% do audit_attempt(upsert) %}
    {% endfor %}
{% endmacro %}


{#- Runs statements, and says if they went well. Lock waits are short: the log must not hold
    up a run. `others` leaves out query_canceled, which is what statement_timeout raises. -#}
{% macro audit_attempt(sql) %}
    {% set guarded %}
do $audit$
begin
    perform set_config('brickworks.audit_error', '', false);
    perform set_config('lock_timeout', '5s', true);
    {{ sql }}
exception when query_canceled or others then
    perform set_config('brickworks.audit_error', sqlerrm, false);
end
$audit$
    {% endset %}
    {% do run_query(guarded) %}
    {% set error = run_query("select current_setting('brickworks.audit_error', true)")
        .rows[0][0] %}
    {% if error %}
        {% do log('The run goes on, but processing_logs is incomplete: ' ~ error, true) %}
    {% endif %}
    {% do return(not error) %}
{% endmacro %}


{#- A literal for use inside the dollar-quoted block, whatever the text and whatever
    standard_conforming_strings says: no quote, dollar or lone backslash is left. -#}
{% macro audit_text(value) %}
    {% do return(
        "E'" ~ (value | string).replace('\\', '\\\\').replace("'", '\\x27')
        .replace('$', '\\x24') ~ "'"
    ) %}
{% endmacro %}
