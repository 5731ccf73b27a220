{#- A payload's own ISO time stamp as a moment; NULL where the text is not one.
    Without an offset it is read on the devices' wall clock. A day that the month does
    not have (31 June) would make a cast fail, so the day is added to the first. -#}
{% macro payload_clock(iso_text) -%}
    case
        when {{ iso_text }} ~ '^[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])?$' then (
            cast(left({{ iso_text }}, 8) || '01' as timestamp)
            + make_interval(days => cast(substr({{ iso_text }}, 9, 2) as integer) - 1)
            + cast(substring({{ iso_text }} from 12 for 8) as interval)
            + coalesce(
                - cast(substring({{ iso_text }} from '[+-][0-9]{2}:[0-9]{2}$') as interval),
                interval '0'
            )
        ) at time zone case
            when {{ iso_text }} ~ '(Z|[+-][0-9]{2}:[0-9]{2})$' then 'UTC'
            else '{{ var("device_timezone") }}'
        end
    end
{%- endmacro %}
