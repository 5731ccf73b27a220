{#- One build of a model at a time: later ones wait here and then see its result. -#}
{% macro lock_model() -%}
    select pg_advisory_xact_lock(hashtextextended('{{ this | replace("'", "") }}', 0))
{%- endmacro %}
