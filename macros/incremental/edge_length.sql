{#- How much of the day before and of the next a day's facts read. An excursion lasts one
    look-ahead at most, but what starts inside an earlier one is none: overlapping ones
    are judged one after the other, from a reading before the first. -#}
{% macro edge_length() -%} 4 * interval '{{ var("look_ahead") }}' {%- endmacro %}
