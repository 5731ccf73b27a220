{#- A text without what is blank at its ends: white space of any script, zero-width
    spaces, a byte order mark, control characters. trim() takes blanks alone. -#}
{% macro without_blanks(text) -%}
    {%- set spans = [
        (0x01, 0x20), (0x7f, 0xa0), (0x1680, 0x1680), (0x2000, 0x200b),
        (0x2028, 0x2029), (0x202f, 0x202f), (0x205f, 0x205f), (0x3000, 0x3000),
        (0xfeff, 0xfeff),
    ] -%}
    btrim({{ text }}, E'
    {%- for first, last in spans -%}
        {%- for code in range(first, last + 1) -%}
            {{ '\\u%04x' | format(code) }}
        {%- endfor -%}
    {%- endfor -%}
    ')
{%- endmacro %}
