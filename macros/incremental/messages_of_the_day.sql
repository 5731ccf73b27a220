{#- The fingerprint of a device-day's messages in int_message_periods, whose key has the
    sensor type, whatever the key of the model that reads them. -#}
{% macro messages_of_the_day() -%}
    (
        select built.fingerprint
        from (select * from {{ ref('int_message_periods') }}) as built
        where {{ is_same_device_day('built', 'days') }}
        limit 1
    )
{%- endmacro %}
