{#- The parts of a step as a list of values: what it lends to a stop before it, its own
    part, and what it lends to a stop after it. A slow step may not be slow in its own
    part. -#}
{% macro lent_parts() -%}
    values
    ('stopped', 0, null, starts_at, starts_at + interval '1 second' * lent_before),
    (
        case when step_state = 'slow' and count_increment * 3600
            >= {{ var('slow_share') }} * ideal_rate_per_hour
            * (seconds - lent_before - lent_after) then 'running' else step_state end,
        count_increment,
        error_increment,
        starts_at + interval '1 second' * lent_before,
        ends_at - interval '1 second' * lent_after
    ),
    ('stopped', 0, null, ends_at - interval '1 second' * lent_after, ends_at)
{%- endmacro %}
