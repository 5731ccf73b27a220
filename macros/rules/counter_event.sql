{#- What a reading's counter did since its level (previous_count): first match wins. -#}
{% macro counter_event() -%}
    case
        when excursion is not null then excursion
        when previous_count is null then 'first'
        when seconds_since_level
            > extract(epoch from interval {{ literal(var('longest_bridged_gap')) }})
            then 'long_gap'
        when count between previous_count and previous_count + cap then 'normal'
        when {{ is_rollover('count', 'previous_count', 'cap') }} then 'rollover'
        when previous_count - count > {{ var('jitter_pieces') }}
            and previous_count - count <= {{ var('rollback_share') }} * previous_count
            and coalesce(uptime_seconds >= previous_uptime_seconds, true)
            then 'rollback'
        when count < previous_count and count <= cap then 'reset'
        when count < previous_count then 'unexplained_reset'
        else 'jump'
    end
{%- endmacro %}
