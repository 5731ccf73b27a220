{#- A value of a var as a SQL literal, as PostgreSQL's own quote_literal writes it: no
    apostrophe or backslash in it ends the literal. -#}
{% macro literal(value) -%}
    {%- set text = value | string | replace("'", "''") -%}
    {%- if '\\' in text -%} E'{{ text | replace('\\', '\\\\') }}'
    {%- else -%} '{{ text }}'
    {%- endif -%}
{%- endmacro %}
