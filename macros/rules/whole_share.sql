{#- The whole pieces of a segment that fall into a part of it, spread evenly over its
    time: what is counted by the part's end less what is counted by its start. However
    a segment is cut, its parts sum up to it, and finer parts to coarser ones. -#}
{% macro whole_share(pieces, part) -%}
    (
        {%- for moment in [part ~ '.ends_at', part ~ '.starts_at'] %}
        {{ '- ' if not loop.first }}round(
            {{ pieces }} * extract(epoch from {{ moment }} - segments.starts_at)
            / extract(epoch from segments.ends_at - segments.starts_at)
        )
        {%- endfor %}
    )
{%- endmacro %}
