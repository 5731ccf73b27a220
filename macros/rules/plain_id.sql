{#- An id as it was meant: without blanks at its ends and in one case; of a longer one
    than an id may be, one character more, so that it is seen to be longer. Nearly every
    id is plain already, and to look at its two ends costs less than to trim it. A text
    of a thousand bytes is no id, whatever it is padded with: to trim it would cost as
    much as hundreds of messages. -#}
{% macro plain_id(text, change_case) -%}
    {%- set longest = longest_id() + 1 -%}
    case
        when octet_length({{ text }}) < {{ longest }}
            and ascii({{ text }}) between 33 and 126
            and ascii(right({{ text }}, 1)) between 33 and 126
            then {{ change_case }}({{ text }})
        when octet_length({{ text }}) < 1000
            then {{ change_case }}(left({{ without_blanks(text) }}, {{ longest }}))
        else {{ change_case }}(left({{ text }}, {{ longest }}))
    end
{%- endmacro %}
