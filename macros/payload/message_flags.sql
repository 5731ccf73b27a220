{#- What was odd about a message that is used all the same, as an array of names. For each
    field with a column <field>_value and a typed column: bad_<field> where the value
    was there but unusable, coerced_<field> where a text stood for the number. Besides,
    clock_offset and other_device_id where the payload tells another time or device. -#}
{% macro message_flags(typed_columns, clock_offset=none) -%}
    {%- set told_id = json_first('payload', ['deviceId', 'device_id'], places=[]) -%}
    array_remove(array[
        {%- for field, column in typed_columns.items() %}
        case
            when {{ field }}_value is not null and {{ column }} is null
                then 'bad_{{ field }}'
            when jsonb_typeof({{ field }}_value) = 'string' then 'coerced_{{ field }}'
        end,
        {%- endfor %}
        case
            when abs({{ clock_offset or clock_offset_seconds('payload', 'event_at') }})
                > extract(epoch from interval {{ literal(var('clock_ahead_tolerance')) }})
                then 'clock_offset'
        end,
        case
            when {{ told_id }} <> to_jsonb(device_id) then (
                select 'other_device_id'
                from (
                    select {{ json_text(told_id) }} as told_id where true offset 0
                ) as told
                where {{ device_key('told_id') }} <> device_id
            )
        end
    ], null)
{%- endmacro %}
