{#- What the detectors flagged in a period, as a SELECT of one row (anomaly_types,
    anomaly_reason, anomaly_score): each rule speaks once per metric, through its
    strongest flag. -#}
{% macro anomalies_of_the_period(anomalies, periods) -%}
    (
        select
            array_agg(distinct detector order by detector) as anomaly_types,
            string_agg(explanation, '; ' order by detector, metric) as anomaly_reason,
            max(anomaly_score) as anomaly_score
        from (
            select distinct on (detector, metric) *
            from {{ anomalies }} as flags
            where flags.is_flagged
                and flags.at >= {{ periods }}.start_time
                and flags.at < {{ periods }}.end_time
            order by detector asc, metric asc, strength desc, flags.at asc
        ) as strongest
    )
{%- endmacro %}
