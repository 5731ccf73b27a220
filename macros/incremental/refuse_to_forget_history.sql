{#- Refuses a full refresh of a model that reads raw messages while the ledger holds days
    whose raw messages are gone: nothing could build them again. -#}
{% macro refuse_to_forget_history() -%}
    {%- if execute and flags.FULL_REFRESH and not var('forget_expired_history', false) -%}
        {%- set ns = namespace(reads_raw=false) -%}
        {%- for name in selected_resources -%}
            {%- set node = graph.nodes.get(name) -%}
            {%- if node and (
                node.name == 'int_message_days' or node.config.meta.get('reads_raw')
            ) -%}
                {%- set ns.reads_raw = true -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if ns.reads_raw and load_relation(ledger()) is not none -%}
            {%- set expired = run_query(
                'select count(*), max(production_date) from ' ~ ledger()
                ~ ' where is_expired'
            ).rows[0] -%}
            {%- if expired[0] > 0 -%}
                {{ exceptions.raise_compiler_error(
                    'The raw messages of ' ~ expired[0] ~ ' device-days up to '
                    ~ expired[1] ~ ' are gone, and a full refresh would forget their'
                    ~ ' numbers: build without --full-refresh, or let them go with'
                    ~ ' --vars "forget_expired_history: true".'
                ) }}
            {%- endif -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
