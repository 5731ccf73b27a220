{#- Keys for which a sum over this model differs from the one over the other, also where
    only one of the two has the key. -#}
{% test equal_sums(model, other, by, columns) %}
select *
from (
    select
        {{ by | join(', ') }}
        {%- for column in columns %},
        sum({{ column }}) as {{ column }}
        {%- endfor %}
    from {{ model }}
    group by {{ by | join(', ') }}
) as here
full join (
    select
        {{ by | join(', ') }}
        {%- for column in columns %},
        sum({{ column }}) as other_{{ column }}
        {%- endfor %}
    from {{ get_where_subquery(other) }}
    group by {{ by | join(', ') }}
) as there using ({{ by | join(', ') }})
where
    {%- for column in columns %}
    {{ 'or' if not loop.first }} {{ column }} is distinct from other_{{ column }}
    {%- endfor %}
{% endtest %}
