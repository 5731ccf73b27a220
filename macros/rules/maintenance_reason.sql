{#- What takes points from a machine's health, in words with numbers, the most first, as a
    SELECT of one row (maintenance_reason) over a row of int_machine_health. -#}
{% macro maintenance_reason() -%}
    (
        select
            string_agg(
                words || format(' (-%s)', round(points, 1)), '; '
                order by points desc, words
            ) as maintenance_reason
        from (
            values
            {%- for metric in ['temperature', 'vibration'] %}
            ({{ metric }}_penalty, format(
                '{{ metric }} above its limit for %s %% of the running time',
                round({{ metric }}_above_ratio * 100, 1)
            )),
            {%- endfor %}
            (trend_penalty, format(
                'vibration rises by %s mm/s a day and reaches %s in %s days',
                round(vibration_slope_per_day::numeric, 2), critical_vibration,
                round(days_to_critical::numeric, 1)
            )),
            (downtime_penalty, format(
                'stopped for %s min nobody planned',
                round((stopped_seconds - planned_stop_seconds) / 60)
            )),
            (anomaly_penalty, format(
                'anomalies to be warned of: %s', warning_count + critical_count
            ))
        ) as penalties (points, words)
        where round(points, 1) > 0
    )
{%- endmacro %}
