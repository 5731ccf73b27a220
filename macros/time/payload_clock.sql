{#- A payload's own ISO time stamp as a moment; NULL where the text is not one.
    Without an offset it is read on the devices' wall clock. A day that the month does
    not have (31 June) would make a cast fail, so the day is added to the first. What is
    cast has passed the pattern, so that its places are known. -#}
{% macro payload_clock(iso_text) -%}
    {%- set offset = "right(" ~ iso_text ~ ", 6)" -%}
    {%- set has_offset = "left(" ~ offset ~ ", 1) in ('+', '-')" -%}
    case
        when octet_length({{ iso_text }}) between 19 and 35
            and {{ iso_text }} ~ '^[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])?$' then (
            cast(left({{ iso_text }}, 8) || '01' as timestamp)
            + make_interval(days => cast(substr({{ iso_text }}, 9, 2) as integer) - 1)
            + cast(substr({{ iso_text }}, 12, 8) as interval)
            - case
                when {{ has_offset }} then cast({{ offset }} as interval)
                else interval '0'
            end
        ) at time zone case
            when {{ has_offset }} or right({{ iso_text }}, 1) = 'Z' then 'UTC'
            else {{ literal(var('device_timezone')) }}
        end
    end
{%- endmacro %}
