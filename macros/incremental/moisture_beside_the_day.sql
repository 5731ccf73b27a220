{#- What is read of the moisture readings beside a day, as one text: the last two before
    it, whose time may reach into it and which may be outside together, and the next one
    after it. -#}
{% macro moisture_beside_the_day() -%}
    (
        select string_agg(
            concat_ws(
                ' ', extract(epoch from event_at), extract(epoch from holds_until),
                extract(epoch from next_reading_at), moisture, temperature_celsius,
                humidity_percent
            ),
            ',' order by event_at
        )
        from {{ readings_beside_the_day('int_moisture_readings', 'days') }} as beside
    )
{%- endmacro %}
