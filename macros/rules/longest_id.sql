{#- How many characters an id may have. The keys of the ledger hold two of them, and an
    entry of an index ends at 2,700 bytes. -#}
{% macro longest_id() -%} {{ return(200) }} {%- endmacro %}
