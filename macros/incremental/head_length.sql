{#- How far into the next day a day's facts can depend: the first level of that day is
    found within two look-aheads, and its own event within one more; four to be safe. -#}
{% macro head_length() -%} 4 * interval '{{ var("look_ahead") }}' {%- endmacro %}
