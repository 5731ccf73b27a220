{#- The first production date of which the raw table keeps all messages, as var
    `raw_kept_from` declares it: a date, or an interval back from the plant's present. NULL
    where all are kept. Reads the CTEs `ledger` and `arrived`. -#}
{% macro raw_kept_from() -%}
    {%- set declared = var('raw_kept_from') | string -%}
    {%- if var('raw_kept_from') is none or var('forget_missing_days') -%} null::date
    {%- elif modules.re.fullmatch('[0-9]{4}-[0-9]{2}-[0-9]{2}', declared) -%} date {{ literal(declared) }}
    {%- else -%}
        (
            select {{ production_date(
                '(' ~ ('timestamptz ' ~ literal(var('as_of')) if var('as_of') else 'max(last_event_at)')
                ~ ' - interval ' ~ literal(declared) ~ ')'
            ) }}
            from (
                select last_event_at from ledger
                union all
                -- Else a day counts as lost that expired with what has just arrived.
                select last_event_at from arrived
            ) as events
        )
    {%- endif -%}
{%- endmacro %}
