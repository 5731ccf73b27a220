{#- Runs statements for which readers have to be out of the way: all of them, or none and
    a sentence that names who is in it. -#}
{% macro patiently(statements) %}
  {% set wait = var('lock_wait', {'seconds': 0.9, 'tries': 30}) %}
  {% do adapter.execute_patiently(statements, wait.seconds, wait.tries) %}
{% endmacro %}
