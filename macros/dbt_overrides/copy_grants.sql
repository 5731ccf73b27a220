{#- Whether grants outlive a refresh. They do, so that dbt has to look for those that a
    config no longer names. -#}
{% macro postgres__copy_grants() %}
  {{ return(true) }}
{% endmacro %}
