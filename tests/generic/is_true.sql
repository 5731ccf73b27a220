{#- Rows for which the expression is false or cannot be known. -#}
{% test is_true(model, expression) %}
select *
from {{ model }}
where ({{ expression }}) is not true
{% endtest %}
