-- One row per node and run.
{#-
    The rows are written by the hooks log_run_start and log_run_end, which also make
    the table, so that the first run on a fresh database is logged too. The columns
    are those of _audit.yml: this select only gives them to dbt as a model.
-#}
{{
    config(
        materialized='incremental',
        full_refresh=false,
        on_schema_change='append_new_columns',
        post_hook='{{ adapter.note_model(model.unique_id, false) }}',
        indexes=[{'columns': ['started_at']}, {'columns': ['model', 'started_at']}],
    )
}}

{{ get_empty_schema_sql(model['columns']) }}
where false
