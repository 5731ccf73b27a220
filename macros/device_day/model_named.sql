{#- A node of this project by its name. -#}
{% macro model_named(name) -%}
    {{ return(graph.nodes.values() | selectattr('name', 'equalto', name) | first) }}
{%- endmacro %}
