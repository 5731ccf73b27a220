{#- What the raw table holds of a device-day: the same whatever order the messages came
    in. Aggregates rows of stg_measurements, or by its arguments sums over parts of them. -#}
{% macro messages_hash(
    message_count='count(*)', id_sum='sum(measurement_id)', id_hash=none
) -%}
    md5(concat_ws(
        ':', {{ message_count }}, {{ id_sum }},
        {{ id_hash or 'bit_xor(' ~ message_hash() ~ ')' }}
    ))::uuid
{%- endmacro %}
